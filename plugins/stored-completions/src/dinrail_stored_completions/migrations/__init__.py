"""Revisions of the tables of stored completions."""

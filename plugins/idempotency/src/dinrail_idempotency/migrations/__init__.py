"""Revisions of the table of keys."""

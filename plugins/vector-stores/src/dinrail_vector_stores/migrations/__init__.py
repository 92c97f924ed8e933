"""Revisions of the tables of vector stores."""

"""Revisions of the tables of the documents."""

"""Revisions of the files' tables."""

"""Revisions of the keys' tables."""

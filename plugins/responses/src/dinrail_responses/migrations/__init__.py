"""Revisions of the responses' tables."""

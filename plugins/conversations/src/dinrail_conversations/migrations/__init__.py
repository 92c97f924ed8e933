"""Revisions of the conversations' tables."""

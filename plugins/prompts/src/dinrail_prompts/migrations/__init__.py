"""Revisions of the prompts' tables."""

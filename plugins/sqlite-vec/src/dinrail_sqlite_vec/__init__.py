"""Vectors in a SQLite file."""

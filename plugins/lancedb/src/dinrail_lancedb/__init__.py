"""Vectors in LanceDB."""

"""Vectors in FAISS, kept in a folder."""

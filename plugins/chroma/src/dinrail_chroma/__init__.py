"""Vectors in Chroma: a server, or Chroma in this process."""

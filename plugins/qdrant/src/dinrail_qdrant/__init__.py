"""Vectors in Qdrant: a server, or its engine in this process."""

"""Embeddings and reranking on the CPU, in the server's own process."""

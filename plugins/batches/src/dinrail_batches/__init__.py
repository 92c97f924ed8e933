"""Batches: files of requests, worked through line by line."""

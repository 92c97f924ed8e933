"""Revisions of the batches' tables."""

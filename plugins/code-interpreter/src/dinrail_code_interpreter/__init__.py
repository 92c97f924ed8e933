"""Runs Python that a model wrote, in containers without a network."""

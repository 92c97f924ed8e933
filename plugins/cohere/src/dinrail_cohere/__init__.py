"""Cohere's models."""

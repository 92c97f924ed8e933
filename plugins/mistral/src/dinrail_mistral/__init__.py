"""Mistral's own models."""

"""Anthropic's own models."""

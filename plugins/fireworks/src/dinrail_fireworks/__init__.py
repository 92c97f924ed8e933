"""Fireworks AI's hosted models."""

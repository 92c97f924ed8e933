"""Stored prompts with versions."""

"""Cerebras's hosted models."""

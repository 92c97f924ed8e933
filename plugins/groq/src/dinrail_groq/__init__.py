"""Groq's hosted models."""

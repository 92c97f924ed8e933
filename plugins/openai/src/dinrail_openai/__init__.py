"""OpenAI's own models."""

"""DeepSeek's own models."""

"""Together AI's hosted models."""

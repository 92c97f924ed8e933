"""SambaNova's hosted models."""

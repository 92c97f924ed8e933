"""Models in the formats of Hugging Face, in the server's own process."""

"""Models hosted by way of Hugging Face."""

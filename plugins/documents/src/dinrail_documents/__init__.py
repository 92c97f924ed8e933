"""Documents: files become text, and text becomes chunks."""

"""Documents read by markitdown."""

"""Documents read by kreuzberg."""

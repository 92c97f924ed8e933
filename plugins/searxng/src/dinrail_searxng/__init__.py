"""SearXNG."""

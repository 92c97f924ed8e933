"""Web search over a folder of pages."""

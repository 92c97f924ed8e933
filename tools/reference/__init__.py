"""Writes the pages of ``docs/reference`` and ``docs/plugins.md`` out of the code: ``python -m tools.reference``."""

"""Dinrail's core: what each API is, which hooks plugins implement, and the host that opens them.

Layers, each importing only those to its right: ``cli`` ─▶ ``host`` ─▶ ``hooks`` ─▶ ``api`` ─▶ ``errors``.
"""

__all__ = ["PLUGIN_API", "__version__"]

__version__ = "0.1.0"

PLUGIN_API = (1, 0)
"""Version of what plugins build on: the first number grows when plugins must change, the second when they need not."""

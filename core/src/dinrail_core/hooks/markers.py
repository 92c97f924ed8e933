"""Markers, and the names of the entry-point groups."""

import pluggy

__all__ = ["ENTRY_POINTS", "EXTENDS", "PROJECT", "hookimpl", "hookspec"]

PROJECT = "dinrail"

ENTRY_POINTS = "dinrail"
"""The group in which a distribution names its plugin's module: ``acme = "dinrail_acme.plugin"``."""

EXTENDS = "dinrail.extends"
"""The group in which a plugin that does more than call out says so: ``routes = "dinrail_x.plugin"``.

Each name is a hook without its prefix. Outside the bundle such a plugin stays off until the operator enables it, and
the host knows that from metadata alone, before any of the plugin's code has run.
"""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

"""The ``dinrail`` program: finds commands in plugins, shows help, and turns errors into one line.

Starting it imports neither a server nor a provider: only plugins whose metadata says that they add commands.
"""

from dinrail_core.cli.program import main

__all__ = ["main"]

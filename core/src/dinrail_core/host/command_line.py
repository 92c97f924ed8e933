"""From the arguments of a command to a plan."""

from __future__ import annotations

import argparse
from typing import Any

from dinrail_core.host.host import Plan
from dinrail_core.host.plugins import Plugins
from dinrail_core.host.settings import load_settings

__all__ = ["INSTALLED", "to_plan"]

INSTALLED = "installed_plugins"
"""Where the program puts what is installed, beside a command's own arguments: it has read all metadata to find the
command, and need not read it again."""


def to_plan(arguments: argparse.Namespace, **overrides: Any) -> Plan:
    """The plan that a command's arguments describe.

    Args:
        arguments: With ``config`` and ``data_dir``.
        overrides: What other flags say, as for :func:`~dinrail_core.host.settings.load_settings`.

    Raises:
        ConfigurationError: The operator's configuration is wrong.
    """
    settings = load_settings(arguments.config, overrides={"data_dir": arguments.data_dir, **overrides})
    wanted = settings.plugins
    return Plan(settings, plugins=Plugins(wanted.enable, wanted.disable, getattr(arguments, INSTALLED, None)))

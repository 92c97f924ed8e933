"""``dinrail plugins [freeze|bundle]``."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
from pathlib import Path

from dinrail_core.api.providers import PluginStatus
from dinrail_core.cli.arguments import add_config_arguments, table
from dinrail_core.cli.bundle import REQUIREMENTS, freeze, write_bundle
from dinrail_core.hooks.records import Command
from dinrail_core.host import Host, Plan, Plugins, load_settings
from dinrail_core.host.command_line import to_plan

__all__ = ["COMMAND"]

_DESCRIPTION = """\
Lists the installed plugins and what became of each: enabled, off (it would extend the server, and waits to be named in
[plugins] enable), disabled, or failed, with the reason. Configured providers are opened for that and closed again.

  dinrail plugins                 look at everything
  dinrail plugins --installed     read metadata alone; runs no plugin's code
  dinrail plugins freeze          the plugins and all that they need, as pinned requirements
  dinrail plugins bundle DIR      the same as wheels in a folder, for a machine without network
"""


def _configure(parser: argparse.ArgumentParser) -> None:
    add_config_arguments(parser)
    parser.add_argument("--installed", action="store_true", help="read metadata alone, run no plugin's code")
    parser.add_argument("--json", action="store_true", help="for programs")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    frozen = actions.add_parser("freeze", help="print plugins and dependencies as pinned requirements")
    add_config_arguments(frozen, hidden=True)
    bundle = actions.add_parser("bundle", help="fetch the wheels of plugins and dependencies into a folder")
    bundle.add_argument("directory", type=Path, help="made if need be")
    add_config_arguments(bundle, hidden=True)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.action == "freeze":
        print("\n".join(freeze()))
        return 0
    if arguments.action == "bundle":
        count = write_bundle(arguments.directory)
        folder, pinned = (shlex.quote(str(path)) for path in (arguments.directory, arguments.directory / REQUIREMENTS))
        print(f"{count} wheels in {folder}. On the other machine:")
        print(f"  pip install --no-index --find-links {folder} -r {pinned}")
        return 0
    if arguments.installed:
        wanted = load_settings(arguments.config).plugins
        plugins = [plugin.status() for plugin in Plugins(wanted.enable, wanted.disable).all]
    else:
        plugins = asyncio.run(_look(to_plan(arguments)))
    if arguments.json:
        print(json.dumps([plugin.model_dump(mode="json") for plugin in plugins], indent=2))
    else:
        rows = [(p.id, f"{p.distribution} {p.version}", _kind(p), _state(p)) for p in plugins]
        print(table([("PLUGIN", "DISTRIBUTION", "KIND", "STATE"), *rows]))
    return 0


async def _look(plan: Plan) -> list[PluginStatus]:
    async with Host.open(plan, services=False) as host:
        host.routes()
        return list(host.rail.plugins())


def _kind(plugin: PluginStatus) -> str:
    return f"adds {', '.join(plugin.extends)}" if plugin.extends else "provider"


def _state(plugin: PluginStatus) -> str:
    return f"{plugin.state}: {plugin.reason}" if plugin.reason else plugin.state


COMMAND = Command(
    name="plugins",
    summary="what is installed, and what became of it",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)

"""Parsing the command line."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dinrail_core import __version__
from dinrail_core.cli import config_command, doctor_command, models_command, plugins_command
from dinrail_core.errors import ConfigurationError, DinrailError
from dinrail_core.hooks.records import Command
from dinrail_core.host.plugins import Plugins, PluginState
from dinrail_core.host.settings import PluginSettings, load_settings

__all__ = ["main"]

_DESCRIPTION = """\
One server that speaks OpenAI's API in front of any model, vector store or tool.

  dinrail serve                       start the server on http://127.0.0.1:8321/v1
  dinrail chat "What is a DIN rail?"  ask it something
  dinrail plugins                     what is installed, and what became of it
"""

_EPILOG = "Configuration: dinrail.toml, then DINRAIL_… variables, then flags; see 'dinrail config show'."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Returns:
        The exit code: 0 when it went well, 1 when it failed, 2 for a command line that cannot be read, 130 on Ctrl-C.
    """
    try:
        plugins = _plugins(arguments)
        parser = _parser(_commands(plugins), plugins)
        parsed = parser.parse_args(arguments)
        code: int = parsed.run(parsed)
        return code
    except DinrailError as error:
        print(f"dinrail: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of a pipe has left; what is still buffered must not raise again while the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _plugins(arguments: Sequence[str] | None) -> Plugins:
    """The plugins, as far as the configuration can be read: ``config check`` is there to say what is wrong with it."""
    try:
        wanted = load_settings(_config_file(arguments)).plugins
        plugins = Plugins(wanted.enable, wanted.disable)
    except ConfigurationError:
        wanted = PluginSettings()
        plugins = Plugins()
    plugins.load(extending="commands")
    return plugins


def _config_file(arguments: Sequence[str] | None) -> Path | None:
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--config", type=Path)
    found: Path | None = early.parse_known_args(arguments)[0].config
    return found


def _commands(plugins: Plugins) -> list[Command]:
    own = [plugins_command.COMMAND, models_command.COMMAND, config_command.COMMAND, doctor_command.COMMAND]
    taken = {command.name for command in own}
    found = []
    for plugin, command in plugins.records("commands", lambda record: f"the command '{record.name}'", Command):
        if command.name in taken:
            plugin.fail(f"the command '{command.name}' is taken by dinrail-core")
        else:
            found.append(command)
    return sorted([*own, *found], key=lambda command: command.name)


def _parser(commands: Sequence[Command], plugins: Plugins) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dinrail",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dinrail {__version__}")
    choices = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        one = choices.add_parser(
            command.name,
            help=command.summary,
            description=command.description or command.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.configure(one)
        one.set_defaults(run=command.run)
    lost = [plugin for plugin in plugins.all if _lost_commands(plugin.installed.extends, plugin.state)]
    if lost:
        parser.epilog = "\n".join(
            [_EPILOG, *(f"Without the commands of '{plugin.name}': {plugin.reason}." for plugin in lost)]
        )
    return parser


def _lost_commands(extends: frozenset[str], state: PluginState) -> bool:
    return "commands" in extends and state is not PluginState.ENABLED

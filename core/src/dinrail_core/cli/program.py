"""Parsing the command line."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from dinrail_core import __version__
from dinrail_core.cli import config_command, doctor_command, models_command, plugins_command
from dinrail_core.cli.arguments import add_config_arguments, add_config_arguments_throughout
from dinrail_core.errors import ConfigurationError, DinrailError
from dinrail_core.hooks.records import Command
from dinrail_core.host.command_line import INSTALLED, to_plan
from dinrail_core.host.host import Host
from dinrail_core.host.plugins import Plugin, Plugins, PluginState
from dinrail_core.host.reasons import reason_of
from dinrail_core.host.settings import load_settings

__all__ = ["command_line", "main"]

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
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of a pipe has left; what is still buffered must not raise again while the interpreter exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except DinrailError as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{error.filename}: {error.strerror}" if error.filename else str(error))


def command_line(plugins: Plugins, wanted: str | None = None) -> argparse.ArgumentParser:
    """The parser of the whole program, the commands of ``plugins`` included; documentation is made from it too.

    Args:
        plugins: The plugins, those with commands loaded.
        wanted: Make the parser of this command alone, where there is such a one: nobody will see the others.
    """
    return _parser(_commands(plugins, wanted), plugins)


def _run(arguments: Sequence[str]) -> int:
    early, rest = _early(arguments)
    plugins = _plugins(early.config)
    word = next((argument for argument in rest if not argument.startswith("-")), None)
    parsed = command_line(plugins, word).parse_args(arguments)
    for name, value in vars(early).items():
        # A command's own default must not win against what stood before the command.
        if getattr(parsed, name, None) is None:
            setattr(parsed, name, value)
    setattr(parsed, INSTALLED, [plugin.installed for plugin in plugins.all])
    if not gc.isenabled():
        gc.freeze()  # of what has been made so far nothing will be garbage
        gc.enable()
    code: int = parsed.run(parsed)
    return code


def _complain(message: str) -> int:
    print(f"dinrail: {' '.join(message.split())}", file=sys.stderr)
    return 1


def _early(arguments: Sequence[str]) -> tuple[argparse.Namespace, Sequence[str]]:
    """What must be known before the commands are (the configuration says which plugins may add some), and the rest."""
    parser = _Parser(prog="dinrail", add_help=False, allow_abbrev=False)
    parser.set_defaults(config=None, data_dir=None)
    add_config_arguments(parser)
    return parser.parse_known_args(arguments)


def _plugins(file: Path | None) -> Plugins:
    """The plugins, as far as the configuration can be read: ``config check`` is there to say what is wrong with it."""
    try:
        wanted = load_settings(file).plugins
        plugins = Plugins(wanted.enable, wanted.disable)
    except ConfigurationError:
        plugins = Plugins()
    plugins.load(extending="commands")
    return plugins


def _commands(plugins: Plugins, wanted: str | None) -> list[Command]:
    own = [plugins_command.COMMAND, models_command.COMMAND, config_command.COMMAND, doctor_command.COMMAND]
    taken = {command.name for command in own}
    found = []
    declared = plugins.records("commands", lambda record: f"the command '{record.name}'", Command)
    if wanted not in taken and all(command.name != wanted for _, command in declared):
        wanted = None
    for plugin, command in declared:
        if command.name in taken:
            plugin.fail(f"the command '{command.name}' is taken by dinrail-core")
        elif (
            plugin.state is PluginState.ENABLED and wanted in (None, command.name) and _takes_arguments(plugin, command)
        ):
            found.append(command)
    shown = [command for command in (*own, *found) if wanted in (None, command.name)]
    return sorted(shown, key=lambda command: command.name)


def _takes_arguments(plugin: Plugin, command: Command) -> bool:
    """Try on a parser that is thrown away, since a command cannot be taken off a parser again."""
    try:
        _configure(command, _Parser(prog=command.name, allow_abbrev=False))
    except (Exception, SystemExit) as error:  # a plugin's code may raise anything, and must cost only its plugin
        plugin.fail(f"the command '{command.name}' cannot say what it takes ({reason_of(error)})")
        return False
    return True


def _configure(command: Command, parser: argparse.ArgumentParser) -> None:
    command.configure(parser)
    if command.on_rail is not None:
        add_config_arguments_throughout(parser)


def _runner(command: Command) -> Callable[[argparse.Namespace], int]:
    if command.on_rail is None:
        assert command.run is not None
        return command.run
    on_rail = command.on_rail
    open_host = Host.open if command.serving else Host.open_for_command

    async def with_rail(arguments: argparse.Namespace) -> int:
        async with open_host(to_plan(arguments)) as host:
            return await on_rail(arguments, host.rail)

    return lambda arguments: asyncio.run(with_rail(arguments))


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see '{self.prog} --help'\n")


def _parser(commands: Sequence[Command], plugins: Plugins) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="dinrail",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"dinrail {__version__}")
    add_config_arguments(parser)
    choices = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        one = choices.add_parser(
            command.name,
            help=command.summary,
            description=command.description or command.summary,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        _configure(command, one)
        one.set_defaults(run=_runner(command))
    lost = [plugin for plugin in plugins.all if _lost_commands(plugin.installed.extends, plugin.state)]
    if lost:
        parser.epilog = "\n".join(
            [_EPILOG, *(f"Without the commands of '{plugin.name}': {plugin.reason}." for plugin in lost)]
        )
    return parser


def _lost_commands(extends: frozenset[str], state: PluginState) -> bool:
    return "commands" in extends and state is not PluginState.ENABLED

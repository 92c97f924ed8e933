"""``dinrail serve`` and ``dinrail chat``."""

from collections.abc import Sequence

from dinrail_core.hooks.records import Command
from dinrail_server.commands import chat, serve

__all__ = ["COMMANDS"]

COMMANDS: Sequence[Command] = (serve.COMMAND, chat.COMMAND)

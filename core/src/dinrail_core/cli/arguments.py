"""Arguments and preparations that commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

__all__ = ["add_config_arguments", "add_config_arguments_throughout", "table"]


def add_config_arguments(parser: argparse.ArgumentParser, *, hidden: bool = False) -> None:
    """Add ``--config`` and ``--data-dir``, which may stand before or behind the command and its action.

    Without a default: argparse would let the default of the last parser overwrite what stood before it.
    """
    config, data_dir = "configuration (default: ./dinrail.toml, if there)", "where data and models are kept"
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS if hidden else config,
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", default=argparse.SUPPRESS, help=argparse.SUPPRESS if hidden else data_dir
    )


def add_config_arguments_throughout(parser: argparse.ArgumentParser, *, hidden: bool = False) -> None:
    """Add the same to a parser and to all of its actions; only the parser's own help shows them."""
    add_config_arguments(parser, hidden=hidden)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in {id(choice): choice for choice in action.choices.values()}.values():  # aliases share one
                add_config_arguments_throughout(choice, hidden=True)


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows as aligned columns; the last column is not padded."""
    if not rows:
        return ""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    )

"""``dinrail new-plugin``."""

from __future__ import annotations

import argparse
from pathlib import Path

from dinrail_core.hooks.records import Command
from dinrail_sdk.scaffold.contracts import CONTRACTS

__all__ = ["NEW_PLUGIN"]

_DESCRIPTION = """\
Begins a provider in a folder of its own: a distribution that can be installed, and tests that pass.

  dinrail new-plugin acme --contract chat

It works as it stands for any server that speaks OpenAI's dialect; change it where yours differs, and the
conformance suite says what that breaks.
"""


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="lower-case letters, digits and hyphens: acme, acme-cloud")
    parser.add_argument(
        "--contract",
        required=True,
        choices=sorted(CONTRACTS),
        help="what the provider does: %(choices)s",
        metavar="API",
    )
    parser.add_argument(
        "--directory", metavar="DIR", type=Path, help="where to write it (default: ./dinrail-NAME); must not exist"
    )


def _run(arguments: argparse.Namespace) -> int:
    from dinrail_sdk.scaffold.names import name_plugin
    from dinrail_sdk.scaffold.write import write_plugin

    names = name_plugin(arguments.name)
    folder = arguments.directory or Path(names.distribution)
    written = write_plugin(names, arguments.contract, folder)
    print(f"Wrote {names.distribution} to {folder}:\n")
    print("\n".join(f"  {path.as_posix()}" for path in written))
    print(
        f"""
Next:

  cd {folder}
  python -m pip install --editable ".[test]"
  python -m pytest

and, where its server listens, in dinrail.toml:

  [providers.{names.plugin}]
  type = "{names.plugin}"
  base_url = "http://127.0.0.1:8000/v1"
"""
    )
    return 0


NEW_PLUGIN = Command(
    name="new-plugin",
    summary="begin a provider of your own",
    configure=_configure,
    run=_run,
    description=_DESCRIPTION,
)

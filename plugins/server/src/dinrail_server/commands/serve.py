"""``dinrail serve``."""

from __future__ import annotations

import argparse
import gc
from pathlib import Path

from dinrail_core.hooks.records import Command

__all__ = ["COMMAND"]

_DESCRIPTION = """\
Starts the server. The first line on standard output says where it is; log lines go to standard error.

  dinrail serve                              on http://127.0.0.1:8321/v1, with whatever is detected
  dinrail serve --config dinrail.toml        as the file says
  dinrail serve --port 0                     on any free port; the first line says which
  dinrail serve --host 0.0.0.0 --insecure    for everybody who can reach this machine

Ctrl-C stops it at once. SIGTERM lets requests under way end first, for up to 30 s; a second one stops it at once.
"""


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="configuration (default: ./dinrail.toml, if there)")
    parser.add_argument("--host", metavar="ADDRESS", help="where to listen (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="PORT", help="the port; 0 takes a free one (default: 8321)")
    parser.add_argument("--data-dir", metavar="DIR", help="where data and models are kept")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that share the port (default: 1)")
    parser.add_argument(
        "--insecure",
        action="store_true",
        default=None,
        help="listen on an address that other machines can reach, although nobody has to authenticate",
    )


def _run(arguments: argparse.Namespace) -> int:
    # Nothing of what a start makes is garbage, and looking for some takes a tenth of it. The server takes it up again.
    gc.disable()
    try:
        from dinrail_core.host import to_plan
        from dinrail_server.start import run_server  # aiohttp and what else a server needs

        flags = {name: getattr(arguments, name) for name in ("host", "port", "workers", "insecure")}
        return run_server(to_plan(arguments, server=flags))
    finally:
        gc.enable()


COMMAND = Command(name="serve", summary="start the server", description=_DESCRIPTION, configure=_configure, run=_run)

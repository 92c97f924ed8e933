"""``dinrail db upgrade|current|check``."""

from __future__ import annotations

import argparse

from dinrail_core.hooks import Command, Rail
from dinrail_database.schema import Schema, Standing

__all__ = ["DB"]


def _configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("upgrade", help="bring the tables to the newest revision, as a start of the server does")
    actions.add_parser("current", help="list the revisions that the database has")
    actions.add_parser("check", help="exit with 1 unless the tables are those that this program needs")


async def _run(arguments: argparse.Namespace, rail: Rail) -> int:
    schema = await rail.service(Schema)
    if arguments.action == "upgrade":
        moved = await schema.upgrade()
        print("\n".join(moved) if moved else f"Nothing to do: {schema.place} is up to date.")
        return 0
    standings = await schema.standings()
    if arguments.action == "current":
        width = max((len(standing.name) for standing in standings), default=0)
        for standing in standings:
            print(f"{standing.name.ljust(width)}  {_said(standing)}")
        return 0
    wrong = [standing for standing in standings if standing.behind or standing.newer]
    for standing in wrong:
        print(f"{standing.name}: {_said(standing)}")
    if not wrong:
        print(f"{schema.place} is up to date.")
    return 1 if wrong else 0


def _said(standing: Standing) -> str:
    if standing.newer:
        return f"{standing.current} (newer than this program, which knows {standing.head})"
    if standing.behind:
        return f"{standing.current or 'nothing yet'} (behind {standing.head})"
    return standing.head


DB = Command(
    name="db",
    summary="look at the database's tables, or upgrade them",
    description="Tables are upgraded when a server starts. These commands do it beforehand, or say where they stand.",
    configure=_configure,
    on_rail=_run,
)

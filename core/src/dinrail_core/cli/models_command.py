"""``dinrail models [pull]``."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from contextlib import aclosing

from dinrail_core.api.provider import ModelLibrary, PullProgress
from dinrail_core.cli.arguments import add_config_arguments, table
from dinrail_core.errors import ConfigurationError, NotFound
from dinrail_core.hooks.records import Command
from dinrail_core.host import Host, Plan
from dinrail_core.host.command_line import to_plan

__all__ = ["COMMAND"]

_DESCRIPTION = """\
Without an action, lists the models that the configured providers have now.

  dinrail models                 what is there
  dinrail models pull smollm2    fetch a model to this machine; run it again to resume
"""

_REDRAW = 0.2


def _configure(parser: argparse.ArgumentParser) -> None:
    add_config_arguments(parser)
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    pull = actions.add_parser("pull", help="fetch a model to where its provider runs")
    pull.add_argument("name", help="the model; which names there are, the provider's page in the docs says")
    pull.add_argument("--provider", metavar="INSTANCE", help="which provider fetches it (default: the one that can)")
    pull.add_argument("--quiet", action="store_true", help="no progress bar")
    add_config_arguments(pull, hidden=True)


def _run(arguments: argparse.Namespace) -> int:
    plan = to_plan(arguments)
    if arguments.action == "pull":
        return asyncio.run(_pull(plan, arguments.name, arguments.provider, arguments.quiet))
    return asyncio.run(_list(plan))


async def _list(plan: Plan) -> int:
    async with Host.open(plan, services=False) as host:
        models = await host.rail.models()
        rows = [(model.id, ", ".join(model.apis) if isinstance(model.apis, list) else "") for model in models]
        print(table([("MODEL", "SERVES"), *rows]) if rows else "No models. Fetch one: dinrail models pull smollm2")
        for status in await host.rail.providers():
            if status.status != "ready":
                print(f"{status.id}: {status.status} ({status.reason})", file=sys.stderr)
    return 0


async def _pull(plan: Plan, name: str, wanted: str | None, quiet: bool) -> int:
    able = [name for name, instance in plan.instances.items() if ModelLibrary in instance.type.apis]
    if wanted is not None and wanted not in able:
        raise NotFound(
            f"There is no provider '{wanted}' that can fetch models (there are: {', '.join(able) or 'none'})."
        )
    if wanted is None and len(able) != 1:
        which = f"several can: say which with --provider ({', '.join(able)})" if able else "none is installed"
        raise ConfigurationError(f"no single provider can fetch models; {which}")
    chosen = wanted or able[0]
    plan.instances = {chosen: plan.instances[chosen]}
    async with Host.open(plan, services=False) as host:
        library = host.library(chosen)
        bar = _Bar(name, sys.stderr.isatty() and not quiet)
        async with aclosing(library.pull(name)) as steps:
            async for step in steps:
                bar.show(step)
        bar.end()
    print(f"{name} is there.")
    return 0


class _Bar:
    """A progress bar on a terminal."""

    def __init__(self, name: str, live: bool) -> None:
        self._name = name
        self._live = live
        self._drawn = 0.0

    def show(self, step: PullProgress) -> None:
        now = time.monotonic()
        complete = step.total is not None and step.done >= step.total
        if not self._live or (now - self._drawn < _REDRAW and not complete):
            return
        self._drawn = now
        if step.total:
            filled = min(30, 30 * step.done // step.total)
            part = f"[{'█' * filled}{'·' * (30 - filled)}] {_mb(step.done)} of {_mb(step.total)}"
        else:
            part = _mb(step.done)
        sys.stderr.write(f"\r\x1b[K{self._name} {part} {step.note}")
        sys.stderr.flush()

    def end(self) -> None:
        if self._live:
            sys.stderr.write("\r\x1b[K")


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


COMMAND = Command(
    name="models",
    summary="list the models that are there, or fetch one",
    description=_DESCRIPTION,
    configure=_configure,
    run=_run,
)

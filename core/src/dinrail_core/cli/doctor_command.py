"""``dinrail doctor``."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from dinrail_core import __version__
from dinrail_core.cli.arguments import add_config_arguments
from dinrail_core.hooks.records import Command
from dinrail_core.host import Host, Plan
from dinrail_core.host.command_line import to_plan

__all__ = ["COMMAND"]

_LOW_DISK = 1e9

Finding = tuple[bool, str]


def _configure(parser: argparse.ArgumentParser) -> None:
    add_config_arguments(parser)


def _run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_examine(to_plan(arguments)))


async def _examine(plan: Plan) -> int:
    print(f"dinrail {__version__}, Python {sys.version.split()[0]}, {sys.platform}")
    bad = 0
    async for good, text in _findings(plan):
        bad += not good
        print(f"{'ok  ' if good else 'BAD '} {text}")
    print("All is well." if not bad else f"{bad} to mend.")
    return 1 if bad else 0


async def _findings(plan: Plan) -> AsyncIterator[Finding]:
    yield True, "the configuration is good"
    yield _data_dir(plan.settings.data_dir)
    async with Host.open(plan, services=False) as host:
        host.routes()
        for plugin in host.rail.plugins():
            what = f"plugin {plugin.id} ({plugin.distribution} {plugin.version}): {plugin.state}"
            yield plugin.state != "failed", f"{what}: {plugin.reason}" if plugin.reason else what
        for provider in await host.rail.providers():
            what = f"provider {provider.id} ({provider.type}): {provider.status}"
            if provider.models is not None:
                what += f", {provider.models} models"
            yield provider.status == "ready", f"{what}: {provider.reason}" if provider.reason else what
        models = await host.rail.models()
        yield bool(models), f"{len(models)} models can be used" if models else "no model can be used"


def _data_dir(path: Path) -> Finding:
    existing = next(parent for parent in (path, *path.parents) if os.path.exists(parent))
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return False, f"{path} cannot be written to"
    free = shutil.disk_usage(existing).free
    if free < _LOW_DISK:
        return False, f"{path} has {free / 1e6:.0f} MB free, which is little for models"
    return True, f"{path} can be written to ({free / 1e9:.0f} GB free)"


COMMAND = Command(
    name="doctor",
    summary="look at everything that could keep the server from working",
    description="Looks at the configuration, the data folder, plugins, providers and models, and says what to mend.",
    configure=_configure,
    run=_run,
)

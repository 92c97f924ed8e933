"""The real server inside another program's event loop, for the tests of plugins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from dinrail_core import __version__
from dinrail_core.hooks import Rail
from dinrail_core.host import Host, Plan, Plugins, Settings
from dinrail_core.host.discovery import Installed, discover
from dinrail_core.host.settings import ensure_valid
from dinrail_server.admission import authenticator_of, check_guarded
from dinrail_server.app import App
from dinrail_server.config import ServerConfig
from dinrail_server.serving import bind, listening

__all__ = ["rail_in_process", "serve_in_process"]

_OURS = "dinrail_server.plugin"


@asynccontextmanager
async def serve_in_process(
    settings: Mapping[str, Any], modules: Sequence[str], plugins: Collection[str], environment: Mapping[str, str]
) -> AsyncIterator[str]:
    """Serve until the block is left. Nothing of the machine's own configuration is read.

    Args:
        settings: What ``dinrail.toml`` would say.
        modules: Importable modules that count as plugins, installed or not.
        plugins: Names of installed plugins that are loaded as well; the others are left out.
        environment: What detection of providers sees.

    Yields:
        The server's address, ``http://127.0.0.1:PORT/v1``.

    Raises:
        ConfigurationError: As from ``dinrail serve``; also where no plugin of a name is installed.
    """
    plan = _plan(settings, modules, plugins, environment)
    config = plan.sections["server"]
    assert isinstance(config, ServerConfig)
    async with Host.open(plan) as host:
        identity = await authenticator_of(host.rail)
        check_guarded(config, identity)
        app = App(host.rail, host.routes(), config, identity=identity)
        async with listening(app, config, bind(config)) as serving:
            yield serving.url


@asynccontextmanager
async def rail_in_process(
    settings: Mapping[str, Any], modules: Sequence[str], plugins: Collection[str], environment: Mapping[str, str]
) -> AsyncIterator[Rail]:
    """The same without HTTP.

    Yields:
        What is on the rail.
    """
    async with Host.open(_plan(settings, modules, plugins, environment)) as host:
        yield host.rail


def _plan(
    settings: Mapping[str, Any], modules: Sequence[str], plugins: Collection[str], environment: Mapping[str, str]
) -> Plan:
    found = [item for item in discover() if item.name in plugins or item.module == _OURS]
    # Whoever names a plugin here has consented to what it adds.
    chosen = [replace(item, bundled=True) for item in found]
    extends = frozenset({"services"})
    chosen += [Installed(module, module, __version__, module, extends=extends, bundled=True) for module in modules]
    # Not load_settings: files and variables of the machine that runs the tests must not change what is tested.
    checked = ensure_valid(Settings, settings, "")
    return Plan(checked, environment=environment, plugins=Plugins(enable=plugins, installed=chosen))

"""The real server in-process, in front of a plugin under test."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import metadata
from types import ModuleType
from typing import TYPE_CHECKING, Any

from dinrail_core import PLUGIN_API
from dinrail_core.hooks import ProviderType, Rail, ServiceType, hookimpl

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

__all__ = ["SERVERS", "Served", "open_rail", "serve"]

SERVERS = "dinrail.testing"
"""The entry-point group in which an installed server says how it is run in-process: ``serve``, ``rail`` (no HTTP)."""

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs.

    Attributes:
        url: Its API, ``http://127.0.0.1:PORT/v1``.
    """

    url: str

    @property
    def origin(self) -> str:
        """Like :attr:`url`, without the path: ``http://127.0.0.1:PORT``."""
        return self.url.removesuffix("/v1")

    def openai(self, **options: Any) -> AsyncOpenAI:
        """A client of the ``openai`` package for this server; ``options`` are its own. By default it does not retry."""
        from openai import AsyncOpenAI

        return AsyncOpenAI(**{"base_url": self.url, "api_key": "none", "max_retries": 0, **options})

    def openai_sync(self, **options: Any) -> OpenAI:
        """The same, blocking: for a thread (``asyncio.to_thread``), since the server is on this event loop."""
        from openai import OpenAI

        return OpenAI(**{"base_url": self.url, "api_key": "none", "max_retries": 0, **options})


@asynccontextmanager
async def serve(
    *types: ProviderType | ServiceType,
    config: Mapping[str, Any] | None = None,
    plugins: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Served]:
    """Run the real server, on a port of its own and the caller's event loop, until the block is left.

    Of what is installed only the server itself and what is named here is on the rail, and nothing of the machine's own
    configuration is read, so a test means the same everywhere.

    Args:
        types: Provider types and services that are on the rail without being installed.
        config: What ``dinrail.toml`` would say: ``{"providers": {"gpu0": {"type": "acme", "base_url": "…"}}}``. Data go
            to a temporary folder unless it names one.
        plugins: Names of installed plugins that are on the rail as well.
        environment: Variables by which providers are detected.

    Raises:
        RuntimeError: No server is installed; ``dinrail-sdk[testing]`` brings one.
        ConfigurationError: As from ``dinrail serve``.

    Example::

        async with FakeUpstream.open(OPENAI) as upstream:
            config = {"providers": {"one": {"type": "acme", "base_url": upstream.url}}}
            async with serve(ACME, config=config) as served, served.openai() as client:
                answer = await client.chat.completions.create(model="one/kit-model", messages=[…])
    """
    run = _server()
    with tempfile.TemporaryDirectory(prefix="dinrail-served-") as folder, _importable(types) as modules:
        settings = {"data_dir": folder, **(config or {})}
        settings["server"] = {"port": 0, "access_log": False, **settings.get("server", {})}
        async with run(settings, modules, frozenset(plugins), dict(environment or {})) as url:
            yield Served(url)


@asynccontextmanager
async def open_rail(
    *types: ProviderType | ServiceType,
    config: Mapping[str, Any] | None = None,
    plugins: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Rail]:
    """What :func:`serve` would serve, without the server: for tests of services. The arguments are the same.

    Example::

        async with open_rail(plugins=["database", "notes"], config={"data_dir": str(tmp_path)}) as rail:
            notes = await rail.service(Notes)
    """
    run = _server("rail")
    with tempfile.TemporaryDirectory(prefix="dinrail-rail-") as folder, _importable(types) as modules:
        settings = {"data_dir": folder, **(config or {})}
        async with run(settings, modules, frozenset(plugins), dict(environment or {})) as rail:
            yield rail


def _server(name: str = "serve") -> Any:
    found = sorted(metadata.entry_points(group=SERVERS, name=name), key=lambda point: point.value)
    if not found:
        raise RuntimeError("No server is installed that can be run in-process: pip install 'dinrail-sdk[testing]'")
    return found[0].load()


@contextmanager
def _importable(types: Sequence[ProviderType | ServiceType]) -> Iterator[list[str]]:
    """A module that declares the types, as an installed plugin would; it can be imported within the block."""
    if not types:
        yield []
        return
    name = f"dinrail_kit_plugin_{next(_numbers)}"
    module = ModuleType(name, "Declares the provider types of a test.")

    @hookimpl
    def dinrail_providers() -> Iterable[ProviderType]:
        return [one for one in types if isinstance(one, ProviderType)]

    @hookimpl
    def dinrail_services() -> Iterable[ServiceType]:
        return [one for one in types if isinstance(one, ServiceType)]

    vars(module).update(
        DINRAIL_API=f"=={PLUGIN_API[0]}.{PLUGIN_API[1]}",
        dinrail_providers=dinrail_providers,
        dinrail_services=dinrail_services,
    )
    sys.modules[name] = module
    try:
        yield [name]
    finally:
        del sys.modules[name]

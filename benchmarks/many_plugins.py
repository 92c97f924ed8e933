"""Plugins by the dozen, installed in a folder as an installer would leave them there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__all__ = ["install_plugins"]

Kind = Literal["routes", "providers"]

_METADATA = """\
Metadata-Version: 2.4
Name: {name}
Version: 1.0.0
Summary: A plugin that stands for many
Requires-Python: >=3.11
Requires-Dist: dinrail-core<2,>=0.1
"""

_DECLARATION = {
    "routes": '''\
"""Declares a route."""

from __future__ import annotations

from collections.abc import Iterable

from dinrail_core.api.answers import Answer
from dinrail_core.api.wire import Wire
from dinrail_core.hooks import Exchange, Route, hookimpl

DINRAIL_API = ">=1.0,<2"


class Greeting(Wire):
    text: str


async def _greet(exchange: Exchange) -> Answer[Greeting]:
    return Answer.of(Greeting(text="{name}"))


@hookimpl
def dinrail_routes() -> Iterable[Route]:
    yield Route(
        method="GET", path="/{name}", handler=_greet, summary="Greet", tag="Greetings", answer=Greeting
    )
''',
    "providers": '''\
"""Declares a provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from dinrail_core.api.embeddings import Embedder
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl
from pydantic import BaseModel, HttpUrl

DINRAIL_API = ">=1.0,<2"


class Config(BaseModel, extra="forbid"):
    base_url: HttpUrl = HttpUrl("http://127.0.0.1:9")
    api_key: Secret | None = None
    timeout: float = 60.0


@asynccontextmanager
async def _open(config: Config, context: Context) -> AsyncIterator[object]:
    from {module}.client import Client

    async with Client.connect(config) as client:
        yield client


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    yield ProviderType(name="{name}", config=Config, apis=frozenset({{Embedder}}), open=_open)
''',
}


def install_plugins(folder: Path, kind: Kind, count: int = 50) -> None:
    """Write so many distributions of one plugin each.

    Args:
        folder: What is then put on the import path.
        kind: What they add: routes, which wait for the operator's consent, or provider types of which there is no
            instance.
        count: How many.
    """
    for index in range(count):
        name, module = f"benchmark-{kind}-{index:02}", f"benchmark_{kind}_{index:02}"
        package, metadata = folder / module, folder / f"{module}-1.0.0.dist-info"
        package.mkdir(parents=True)
        metadata.mkdir()
        (package / "__init__.py").touch()
        (package / "plugin.py").write_text(_DECLARATION[kind].format(name=name, module=module))
        (metadata / "METADATA").write_text(_METADATA.format(name=name))
        points = f"[dinrail]\n{name} = {module}.plugin\n"
        if kind == "routes":
            points += f"\n[dinrail.extends]\nroutes = {module}.plugin\n"
        (metadata / "entry_points.txt").write_text(points)
        (metadata / "INSTALLER").write_text("pip\n")
        files = [*package.iterdir(), *metadata.iterdir()]
        (metadata / "RECORD").write_text("".join(f"{file.relative_to(folder)},,\n" for file in files))

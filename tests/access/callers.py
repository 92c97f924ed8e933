"""One server with everything that is in the bundle, and people of several tenants at it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import aiohttp
from table import KINDS, Form, Row

from dinrail_core.cli.program import main
from dinrail_sdk.testing import OPENAI, FakeUpstream, serve

__all__ = ["PLUGINS", "ROUTED", "STRANGERS", "Person", "Refused", "Server", "open_server"]


def _adds(module: str, *hooks: str) -> bool:
    return any(point.value == module and point.name in hooks for point in entry_points(group="dinrail.extends"))


PLUGINS = sorted(
    {point.name for point in entry_points(group="dinrail") if _adds(point.value, "services", "routes")}
    | {"onnx-embeddings", "sqlite-vec"}
)
"""What adds services or routes, and the providers without which some of them can make no objects."""

ROUTED = sorted(point.name for point in entry_points(group="dinrail") if _adds(point.value, "routes"))
"""What adds routes, outside the bundle as well, where it stays off until somebody enables it."""

PROVIDER = "openai-compatible"
"""Some model has to answer for an answer to be stored."""

OWNER = ("acme", "ann", "")
STRANGERS: Mapping[str, tuple[str, str, str]] = {
    "another user of the tenant": ("acme", "bob", ""),
    "the tenant itself": ("acme", "", ""),
    "a user of the same name in another tenant": ("umbrella", "ann", ""),
    "an administrator": ("ops", "root", "admin"),
}


class Refused(Exception):
    """An answer that is not good."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Person:
    """Somebody with a key."""

    http: aiohttp.ClientSession

    async def send(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Send a request, and return status and body of the answer."""
        sent: dict[str, Any] = {}
        if isinstance(body, Form):
            sent["data"] = form = aiohttp.FormData(dict(body.fields))
            form.add_field(body.file, b"hello", filename="a.txt", content_type="text/plain")
        elif body is not None:
            sent["json"] = body
        async with self.http.request(method, path, **sent) as answer:
            return answer.status, (await answer.read()).decode()

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The same for what must go well; returns its JSON."""
        status, text = await self.send(method, path, body)
        if not 200 <= status < 300:
            raise Refused(status, text)
        return json.loads(text)

    async def make(self, *kinds: str) -> dict[str, str]:
        """Objects of these kinds, and of those that they belong to."""
        made: dict[str, str] = {}
        for kind in kinds:
            for outer in KINDS[kind].inside:
                if outer not in made:
                    made |= await self.make(outer)
            if kind not in made:
                made[kind] = await KINDS[kind].make(self.ask, made)
        return made

    async def look(self, ids: Mapping[str, str]) -> dict[str, Any]:
        """What its owner sees of each object."""
        seen = {}
        for kind in ids:
            look = KINDS[kind].look
            if look is not None:
                seen[kind] = await self.ask("GET", look.format_map(ids))
        return seen

    async def name(self, row: Row, named: Mapping[str, str], ids: Mapping[str, str]) -> tuple[int, str]:
        """Send the row's request.

        Args:
            row: The operation.
            named: Ids by the names of parameters, cursors and fields.
            ids: The same by kinds, for the body.
        """
        method, _, path = row.route.partition(" ")
        inside = set(re.findall(r"{(\w+)}", path))
        path = path.format_map(named)
        cursors = [f"{name}={named[name]}" for name in row.names if name in ("after", "before") and name not in inside]
        if cursors:
            path += "?" + cursors[0] + "&limit=100"
        return await self.send(method, path, row.body(ids) if row.body is not None else None)


@dataclass(frozen=True)
class Server:
    """A server and the people at it."""

    owner: Person
    strangers: Mapping[str, Person]
    nobody: Person


@asynccontextmanager
async def open_server(folder: Path, services: Mapping[str, Any]) -> AsyncIterator[Server]:
    """Make keys at the command line, and serve.

    Args:
        folder: Where data go.
        services: ``[services]``.
    """
    config = folder / "dinrail.toml"
    config.write_text("".join(f"[services.{name}]\n{_toml(keys)}" for name, keys in services.items()))
    keys = {
        who: await asyncio.to_thread(_make_key, config, folder, *whose)
        for who, whose in {"owner": OWNER, **STRANGERS}.items()
    }
    async with (
        FakeUpstream.open(OPENAI) as upstream,
        serve(
            config={
                "data_dir": str(folder),
                "services": services,
                "plugins": {"enable": ROUTED},
                "providers": {"one": {"type": PROVIDER, "base_url": upstream.url}},
            },
            plugins=[*PLUGINS, PROVIDER],
        ) as served,
        contextlib.AsyncExitStack() as stack,
    ):
        people = {
            who: Person(
                await stack.enter_async_context(
                    aiohttp.ClientSession(served.origin, headers={"authorization": f"Bearer {key}"} if key else None)
                )
            )
            for who, key in {**keys, "nobody": ""}.items()
        }
        yield Server(people.pop("owner"), {who: people[who] for who in STRANGERS}, people["nobody"])


def _make_key(config: Path, folder: Path, tenant: str, user: str, role: str) -> str:
    arguments = ["--config", str(config), "--data-dir", str(folder), "keys", "create", "--quiet", "--tenant", tenant]
    arguments += ["--user", user] if user else []
    arguments += ["--role", role] if role else []
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(arguments) == 0
    return printed.getvalue().strip()


def _toml(keys: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in keys.items())

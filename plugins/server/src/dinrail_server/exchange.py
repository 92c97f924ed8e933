"""One request, from its first byte to its last: what handlers see, and what the server keeps beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from aiohttp.web_request import BaseRequest
from multidict import MultiMapping
from pydantic import BaseModel

from dinrail_core.api.access import Access, Meter
from dinrail_core.api.call import Call, Expense
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import DinrailError, InvalidRequest
from dinrail_core.hooks.context import Rail
from dinrail_core.hooks.http import Part, Refusal, Route
from dinrail_server.body import body_reads, parse_json, read_body
from dinrail_server.config import ServerConfig
from dinrail_server.routing import NO_VALUES
from dinrail_server.state import Phase, ServerExchange, ServerState

if TYPE_CHECKING:
    from dinrail_server.digests import Digest

__all__ = ["HttpExchange", "Usage"]

W = TypeVar("W", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took.

    Attributes:
        input: Tokens of the request.
        output: Tokens of the answer.
        estimated: Nobody has said so; it is about this much.
    """

    input: int
    output: int
    estimated: bool = False

    @property
    def total(self) -> int:
        """All of them."""
        return self.input + self.output

    @classmethod
    def over(cls, expenses: Sequence[Expense]) -> Usage:
        """The sum of what several answers took."""
        return cls(
            sum(one.input for one in expenses),
            sum(one.output for one in expenses),
            estimated=any(one.estimated for one in expenses),
        )


class HttpExchange(ServerExchange):
    """An exchange over aiohttp.

    Args:
        request: The request.
        server: The server.
        rail: What is on the rail.
        call: On whose behalf, and until when.
        config: The server's limits.
    """

    path: Mapping[str, str] = NO_VALUES
    query: Mapping[str, str] = NO_VALUES
    route: Route | None = None
    """The operation, once it is found."""
    refusal: Refusal | None = None
    """How its errors look, where they have another shape than OpenAI's."""
    digest: Digest | None = None
    """Takes in what a form holds as it is read, where somebody wants to tell it from others."""
    expired = False
    """Whether the server itself cancelled the request for taking too long."""
    talks = False
    """Whether it has become a WebSocket."""
    begun = False
    """Whether the head of the answer has gone out."""
    first_byte: float | None = None
    """When the first byte of a stream went out (:func:`time.perf_counter`)."""
    sent = 0
    """Bytes of the answer's body so far."""
    error: str | None = None
    """The code of the error that it ended with."""
    refused: DinrailError | None = None
    """That error itself."""
    access: Access | None = None
    """The caller, where callers have to say who they are."""
    meter: Meter | None = None
    """What counts the request, once it does."""
    model: str | None = None
    """The whole id of the model that has answered."""
    usage: Usage | None = None
    """What the answer took, where that is counted."""
    replayed = False
    """Whether it is the answer to an earlier request with the same key, for which nothing was done."""
    _body: bytes | None = None

    def __init__(self, request: BaseRequest, server: ServerState, rail: Rail, call: Call, config: ServerConfig) -> None:
        self.request = request
        self.server = server
        self.rail = rail
        self.call = call
        self.headers = request.headers
        self._stays = request.keep_alive
        self._config = config
        self._task = asyncio.current_task()

    def turn(self) -> AbstractAsyncContextManager[Call]:
        """See :meth:`Exchange.turn`."""
        return self.server.turn(self)

    @property
    def stays(self) -> bool:
        """Whether the connection is kept behind the answer."""
        return self._stays and self.server.phase is Phase.READY

    def end_with_connection(self) -> None:
        """The answer's end is the connection's."""
        self._stays = False

    def cancel(self) -> None:
        """End the request from outside."""
        if self._task is not None:
            self._task.cancel()

    def revive(self) -> None:
        """Take the cancellation back, so that the client can still be told."""
        if self._task is not None:
            self._task.uncancel()

    @property
    def largest(self) -> int:
        """Bytes of the largest body, or message, that is taken."""
        return self._config.max_body_bytes

    @property
    def size(self) -> int:
        """Bytes of the request's body, as far as it was read whole."""
        return len(self._body) if self._body is not None else 0

    async def read(self) -> bytes:
        """See :meth:`Exchange.read`."""
        if self._body is None:
            self._body = await read_body(self.request, self._config.max_body_bytes, self._config.body_timeout)
        return self._body

    async def decode(self, wire: type[W]) -> W:
        """See :meth:`Exchange.decode`."""
        return decode_request(wire, parse_json(await self.read()))

    def parts(self) -> AsyncGenerator[Part, None]:
        """See :meth:`Exchange.parts`."""
        from dinrail_server.digests import digested  # few servers are ever sent a file
        from dinrail_server.multipart import boundary_of, read_parts

        boundary = boundary_of(self.headers.get("Content-Type", ""))
        parts = read_parts(body_reads(self.request, self._config.body_timeout), boundary)
        return parts if self.digest is None else digested(parts, self.digest)

    def parameters(self, wire: type[W]) -> W:
        """See :meth:`Exchange.parameters`; a list is a repeated parameter, with or without ``[]`` behind its name.

        A table is a parameter for each of its keys: ``metadata[key]=value``. U+0000 is refused: no database holds it.
        """
        return decode_request(wire, _gathered(wire, self.request.query), from_text=True)


def _gathered(wire: type[BaseModel], query: MultiMapping[str]) -> dict[str, Any]:
    lists, tables = _fields_of(wire, list), _fields_of(wire, dict)
    found: dict[str, Any] = {}
    for name, value in query.items():
        if "\0" in value:
            raise InvalidRequest("Text must not contain the character U+0000.", param=name[:200])
        plain = name.removesuffix("[]")
        table, bracket, key = name.partition("[")
        if plain in lists:
            found.setdefault(plain, []).append(value)
        elif bracket and table in tables and key.endswith("]"):
            found.setdefault(table, {}).setdefault(key[:-1], value)
        elif name not in tables:
            found.setdefault(name, value)
    return found


@cache
def _fields_of(wire: type[BaseModel], kind: type) -> frozenset[str]:
    """The names, as they stand on the wire, of a query's fields that are lists (or tables)."""
    fields = wire.model_fields.items()
    return frozenset(field.alias or name for name, field in fields if _holds(field.annotation, kind))


def _holds(annotation: Any, kind: type) -> bool:
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return any(_holds(part, kind) for part in get_args(annotation) if part is not NoneType)
    if getattr(annotation, "__metadata__", None) is not None:
        return _holds(get_args(annotation)[0], kind)
    return origin is kind or annotation is kind

"""Routes as plugins declare them, free of any web framework.

A route says what it takes and gives in wire types, so that the description (``/openapi.json``), the tests that walk
every route, and the server all read the same declaration.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import BaseModel

from dinrail_core.api.answers import NO_HEADERS, Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.errors import DinrailError
from dinrail_core.hooks.context import Rail, Target

__all__ = [
    "Exchange",
    "Handler",
    "Method",
    "Part",
    "Refusal",
    "Replay",
    "Reply",
    "Route",
    "RouteGroup",
    "Socket",
    "Talk",
]

C = TypeVar("C")
W = TypeVar("W", bound=BaseModel)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not a wire type with status 200.

    Attributes:
        body: The bytes, or a source of them, which is closed when the client leaves.
        status: The HTTP status.
        content_type: The body's media type.
        headers: More headers; lower case.
    """

    body: bytes | AsyncGenerator[bytes, None] = b""
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form (``multipart/form-data``, RFC 7578).

    Attributes:
        name: The field's name.
        filename: The name of the file, verbatim, where the part is one. It may be anything: never make a path of it.
        content_type: What the client says of the content.
        content: The bytes as they come; read it before the next part is asked for, which skips what is left.
    """

    name: str
    filename: str | None
    content_type: str | None
    content: AsyncIterator[bytes]


class Exchange(ABC):
    """One request as a handler sees it."""

    call: Call
    rail: Rail
    path: Mapping[str, str]
    """The values of the path's parameters, percent-decoded."""
    query: Mapping[str, str]
    """The query's parameters; of a repeated one, the first."""
    headers: Mapping[str, str]
    """The request's headers; look-ups ignore case."""
    made: str | None = None
    """The id of what the request has made, for the audit log: set by a handler whose operation asks a model as well."""

    @property
    def wants_socket(self) -> bool:
        """Whether the client asks for a WebSocket."""
        return self.headers.get("upgrade", "").lower() == "websocket"

    @property
    def has_form(self) -> bool:
        """Whether the body is a form, where a route takes JSON as well."""
        return self.headers.get("content-type", "").lower().startswith("multipart/form-data")

    asked: Target[Any] | None = None
    """Which model is asked for the answer, where one is."""

    async def resolve(self, contract: type[C], model: str) -> Target[C]:
        """The instance that serves a model (:meth:`Rail.resolve`), when the answer of the request is its answer.

        So the client is told which instance has answered, and the figures and the log say what it took.

        Raises:
            ModelNotFound: As :meth:`Rail.resolve`.
            NothingServes: Likewise.
        """
        target = await self.rail.resolve(contract, model)
        self.asked = target
        return target

    def turn(self) -> AbstractAsyncContextManager[Call]:
        """One request of several that come through a :class:`Talk`: let in, limited and counted like any other.

        Raises:
            Unauthenticated: Upon entering: as for a request of its own.
            PermissionDenied: Likewise.
            RateLimited: Likewise.
        """
        return nullcontext(self.call)

    @abstractmethod
    async def read(self) -> bytes:
        """The whole body.

        Raises:
            TooLarge: It is over the server's limit.
        """

    @abstractmethod
    async def decode(self, wire: type[W]) -> W:
        """The body as a wire type, parsed once.

        Raises:
            InvalidRequest: It is not JSON, or does not fit; ``param`` names the field.
            TooLarge: It is over the server's limit.
        """

    @abstractmethod
    def parts(self) -> AsyncGenerator[Part, None]:
        """The parts of a form, as they come.

        The server's limit for bodies does not apply, so that a file may be larger than memory: whoever reads a part
        counts. The server bounds the number of parts, their heads, and the time for which nothing comes.

        Raises:
            InvalidRequest: From the iteration: the body is no form.
        """

    @abstractmethod
    def parameters(self, wire: type[W]) -> W:
        """The query as a wire type (numbers and booleans are read from their text).

        Raises:
            InvalidRequest: It does not fit; ``param`` names the parameter.
        """


class Socket(ABC):
    """A WebSocket (RFC 6455) as whoever speaks through it sees it: messages of text, one at a time."""

    @abstractmethod
    async def receive(self) -> str | None:
        """The client's next message; ``None`` once the server or the time has ended the connection."""

    @abstractmethod
    async def send(self, text: str) -> None:
        """Send a message, and wait if the client is behind.

        Raises:
            ConnectionError: The client has gone.
        """


@dataclass(frozen=True, slots=True)
class Talk:
    """An answer that goes on as a WebSocket, for a request that asks for one.

    Attributes:
        speak: Speaks with the client; when it returns, the connection is closed. Cancelled when the client closes.
        limit: Seconds that the connection may stand, in place of the server's limit for requests.
        farewell: The message with which the client is told that they are over; empty for none.
    """

    speak: Callable[[Socket], Awaitable[None]]
    limit: float
    farewell: str = ""


Handler = Callable[[Exchange], Awaitable[Answer[Any] | Stream[Any] | Reply | Talk]]


@dataclass(frozen=True, slots=True)
class Replay:
    """How an operation that asks a model, and makes something where its request says so, takes ``Idempotency-Key``.

    Its answer may be a stream, or large, and what it has made says the same: so no answer is kept, but told again.

    Attributes:
        wanted: ``wanted(exchange)``: whether the request makes something; of one that does not, no notice is taken.
        tell: ``tell(exchange, ended)``: the answer out of what an earlier try has made, which is found by
            ``exchange.call.seed``; ``None`` where it has made nothing. ``ended`` says that it has come to its end;
            else what it may have left undone behind what it has made is done first. It raises ``NotFound`` where what
            was made has been deleted.
    """

    wanted: Callable[[Exchange], Awaitable[bool]]
    tell: Callable[[Exchange, bool], Awaitable[Answer[Any] | Stream[Any] | None]]


Refusal = Callable[[DinrailError, str], bytes]
"""``refusal(error, request_id)``: the JSON text of an error in a dialect of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the HTTP interface.

    Attributes:
        method: The HTTP method.
        path: Like ``/v1/models/{model:path}``; ``:path`` lets the last parameter contain slashes.
        handler: Answers with an :class:`Answer`, a :class:`Stream` or a :class:`Reply`; or with a :class:`Talk`, where
            :attr:`Exchange.wants_socket` is set.
        summary: One line, for the description.
        tag: The API that it belongs to, for the description.
        body: The wire type of the request's JSON body.
        form: The wire type that describes the request's form; the handler reads it from :meth:`Exchange.parts`.
        query: The wire type of the query's parameters.
        answer: The wire type of the JSON answer.
        event: The wire type of one event, where the route can answer with a stream.
        status: The status of a good answer.
        public: Served without credentials (liveness and the like).
        creates: Makes something, and takes the header ``Idempotency-Key``: the first answer to a key is kept for 24
            hours and given again. Not where the answer is a stream, nor where it holds a secret that must not be kept.
        replay: The same where the answer may be a stream, or where it is for the request to say whether something is
            made.
        asks: Asks a model, or only computes: although its method is ``POST`` it makes nothing that lasts, so the audit
            log need not know. Every other operation that may change something is noted there.
    """

    method: Method
    path: str
    handler: Handler
    summary: str
    tag: str
    body: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    event: type[BaseModel] | None = None
    status: int = 200
    public: bool = False
    asks: bool = False
    creates: bool = False
    replay: Replay | None = None
    content_types: frozenset[str] = field(default=frozenset({"application/json"}))
    """Media types of the request's body that are accepted; others are refused before the handler runs."""
    refusal: Refusal | None = None
    """How its errors look, where they have another shape than OpenAI's; their statuses stay the same."""
    id_header: str | None = None
    """Where clients of its dialect look for the request's id, beside ``x-request-id``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteGroup:
    """Operations under one path that are declared when one of them is first asked for.

    Wire types take a while to be made; those of an API that nobody uses cost nothing. What is under the path is the
    declaring plugin's alone: another one that declares something there is set aside.

    Attributes:
        under: Like ``/v1/conversations``: the path of each route is this one, or goes on behind it with a slash.
        load: Returns the routes. Imports of modules of the plugin's own belong here, and nothing else that takes time.
        refusal: How errors look of requests there that no route takes (paths and methods that are not there).
    """

    under: str
    load: Callable[[], Iterable[Route]]
    refusal: Refusal | None = None

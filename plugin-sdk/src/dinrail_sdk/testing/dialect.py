"""What a dialect is to the kit: how one kind of upstream reads requests and puts answers on the wire."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from dinrail_sdk.testing.script import Asked, Refused, Script

__all__ = ["Dialect", "Rendered", "Request"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it came in.

    Attributes:
        method: The HTTP method.
        path: With the query.
        headers: Lower-case names; of a repeated one, the last.
        body: The bytes.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @cached_property
    def json(self) -> Any:
        """The body, parsed.

        Raises:
            ValueError: It is not JSON.
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """An answer on the wire.

    Attributes:
        pieces: The body, in the pieces in which the upstream writes it; of a stream, one frame each.
        status: The HTTP status.
        content_type: The media type.
        headers: More headers.
        tail: What ends a stream beyond its last piece (``data: [DONE]``); a fault may leave it out.
        streamed: Whether it is sent without a length.
    """

    pieces: tuple[bytes, ...]
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    tail: bytes = b""
    streamed: bool = False

    @classmethod
    def whole(cls, data: object, **rest: Any) -> Rendered:
        """JSON in one body, which is written in two pieces, as a socket may."""
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
        half = len(body) // 2
        return cls(pieces=(body[:half], body[half:]), **rest)


class Dialect(ABC):
    """The wire format of one kind of upstream.

    Attributes:
        name: As people call it.
        prefix: What a base URL of such an upstream ends in (``/v1``).
        lacks: Features that the format has no words for, with the reason; their cases are skipped.
        always_sends: Settings that every request of the format must have (Anthropic's ``max_tokens``).
    """

    name: ClassVar[str]
    prefix: ClassVar[str] = ""
    lacks: ClassVar[Mapping[str, str]] = {}
    always_sends: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def read(self, request: Request) -> Asked:
        """Read a request.

        Raises:
            LookupError: There is no such operation; the upstream answers 404.
            ValueError: The body is not what the operation takes; the upstream answers 400.
        """

    @abstractmethod
    def say(self, script: Script, asked: Asked) -> Rendered:
        """Put an answer on the wire, streamed where that was asked for."""

    @abstractmethod
    def refuse(self, refused: Refused) -> Rendered:
        """Put an error on the wire."""

    def disturb(self, piece: bytes) -> bytes:
        """A piece of a stream with all that the format allows and that means nothing (comments, blanks, line ends)."""
        return piece

    def beside(self, request: Request) -> Rendered | None:
        """The answer to a request that is no operation (for a token, say); ``None`` where the request is none such.

        It counts as no request of the provider's, and is never disturbed.
        """
        return None

    def fail_midway(self, refused: Refused, asked: Asked) -> bytes | None:
        """The frame with which a running stream tells of an error, or ``None`` where the format has none."""
        return None

    def credentials(self, request: Request) -> str | None:
        """The key that the request carries."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        return key if scheme.lower() == "bearer" else None

"""What the operator configures about an upstream."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, HttpUrl, SecretStr, model_validator

from dinrail_core.hooks.secrets import Secret

__all__ = ["BaseUrl", "HeaderSecret", "Responding", "RespondingConfig", "Seconds", "UpstreamConfig"]

Seconds = Annotated[float, Field(gt=0, le=86_400)]
"""A span of time, more than none and at most a day."""

_OUR_OWN = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "te",
        "traceparent",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token (RFC 9110, section 5.6.2)."""


def _without_credentials(url: HttpUrl) -> HttpUrl:
    """A password in a URL ends up in logs and messages; a secret has a field of its own."""
    if url.username or url.password:
        raise ValueError("must not contain a user or a password; use api_key or headers")
    return url


def _header_value(value: SecretStr) -> SecretStr:
    """What cannot stand in a header is refused before it is sent: a line end in it would begin another header."""
    secret = value.get_secret_value()
    if not secret or not secret.isascii() or not secret.isprintable() or secret != secret.strip():
        raise ValueError("must be printable ASCII without spaces around it, and not empty")
    return value


def _header_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError("is not the name of a header")
    if name.lower() in _OUR_OWN:
        raise ValueError("is set by the client itself")
    return name.lower()


BaseUrl = Annotated[HttpUrl, AfterValidator(_without_credentials)]
"""Where an API begins; a provider that has a default of its own declares ``base_url: BaseUrl = HttpUrl("…")``."""

HeaderSecret = Annotated[Secret, AfterValidator(_header_value)]
"""A secret that is sent in a header."""


class UpstreamConfig(BaseModel, extra="forbid", defer_build=True):
    """The part that every provider over HTTP has in common; providers derive their configuration from it."""

    base_url: BaseUrl
    """Where the upstream's API begins, usually ending in `/v1`. A query in it is sent along with every request."""
    api_key: HeaderSecret | None = None
    """Sent as `Authorization: Bearer …`."""
    headers: dict[Annotated[str, AfterValidator(_header_name)], HeaderSecret] = {}
    """More headers for every request; their values are masked wherever they are shown."""

    connect_timeout: Seconds = 5.0
    """Seconds for making a connection, TLS included, or for getting a free one."""
    first_byte_timeout: Seconds = 120.0
    """Seconds from sending a request to the first byte of the answer's body, in which the prompt is processed."""
    idle_timeout: Seconds = 60.0
    """Seconds of silence after the first byte that end an answer or a stream."""
    total_timeout: Seconds = 600.0
    """Seconds for a whole request, retries and the stream included."""
    max_retries: Annotated[int, Field(ge=0, le=2)] = 2
    """How often a request is sent again, only before the first byte of an answer and only where that is safe."""
    retry_delay: Annotated[float, Field(ge=0, le=60)] = 0.25
    """Seconds at most before the first retry, twice as long before the second; an upstream that says when is obeyed."""
    max_connections: Annotated[int, Field(ge=1, le=65_535)] = 4096
    """Connections at once; a request beyond that waits `connect_timeout` for one."""
    max_answer_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    """The largest answer that is taken, in bytes; streams have no such limit."""

    @model_validator(mode="after")
    def _one_authorization(self) -> Self:
        if self.api_key is not None and "authorization" in self.headers:
            raise ValueError("api_key and headers.authorization are both set; one of them is enough")
        return self


Responding: TypeAlias = Literal["plain", "whole"] | None
"""How much of the Responses API a server speaks."""


class RespondingConfig(UpstreamConfig):
    """The same for servers of OpenAI's dialect that may speak the Responses API themselves.

    The record of the provider says ``optional={NativeResponses: "responses"}``.
    """

    responses: Responding = None
    """Responses are asked of the server's own `/responses`, and not by chats: `"whole"` where it serves all that OpenAI
    does there, `"plain"` where it knows messages, functions and thoughts in the open alone."""

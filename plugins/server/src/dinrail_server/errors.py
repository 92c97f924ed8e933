"""From an error to HTTP: the one table of statuses, and OpenAI's error body."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from dinrail_core import errors as core
from dinrail_core.errors import DinrailError, RequestError

__all__ = [
    "STATUS",
    "BadHttp",
    "BodyTimeout",
    "ExpectationFailed",
    "HeadersTooLarge",
    "MethodNotAllowed",
    "Problem",
    "ServerFailed",
    "UnsupportedMediaType",
    "problem",
]


class BadHttp(RequestError):
    """The bytes are not HTTP."""

    code = "bad_http"


class HeadersTooLarge(BadHttp):
    """The request line or a header is over the limit."""

    code = "headers_too_large"


class BodyTimeout(RequestError):
    """The body did not come in time."""

    code = "body_timeout"


class ExpectationFailed(RequestError):
    """The client expects something other than ``100-continue``."""

    code = "expectation_failed"


class MethodNotAllowed(RequestError):
    """The path exists, but not with this method.

    Args:
        message: As for every error.
        allowed: The methods that there are.
    """

    code = "method_not_allowed"

    def __init__(self, message: str, *, allowed: str) -> None:
        super().__init__(message)
        self.allowed = allowed


class UnsupportedMediaType(RequestError):
    """The body is of a type that the route does not take."""

    code = "unsupported_media_type"


class ServerFailed(DinrailError):
    """The server itself is at fault; what was raised is in its log."""

    code = "server_error"


STATUS: Mapping[type[DinrailError], int] = {
    RequestError: 400,
    core.InvalidRequest: 400,
    core.Unauthenticated: 401,
    core.PermissionDenied: 403,
    core.NotFound: 404,
    core.NothingServes: 404,
    MethodNotAllowed: 405,
    BodyTimeout: 408,
    core.Conflict: 409,
    core.TooLarge: 413,
    UnsupportedMediaType: 415,
    ExpectationFailed: 417,
    core.KeyReused: 422,
    core.RateLimited: 429,
    HeadersTooLarge: 431,
    DinrailError: 500,
    core.UpstreamError: 502,
    core.UpstreamUnavailable: 503,
    core.UpstreamTimeout: 504,
    core.Unavailable: 503,
}
"""The status of each class of errors; a class that is not listed has its nearest base's."""

_TYPE = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
    503: "service_unavailable_error",
}
"""OpenAI's word for the kind of an error; other 4xx are ``invalid_request_error``, other 5xx ``server_error``."""


_LASTING = frozenset({"insufficient_quota"})
"""Codes of what somebody has to mend. OpenAI's clients try again after a 429 by themselves, unless told not to."""


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as it goes out.

    Attributes:
        status: The HTTP status.
        body: The JSON text.
        headers: Headers that belong to it; lower case.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]


def status_of(kind: type[BaseException]) -> int:
    """The status of an error's class, found along its bases; 500 for what is no :class:`DinrailError`."""
    for base in kind.__mro__:
        if base in STATUS:
            return STATUS[base]
    return 500


def problem(error: DinrailError) -> Problem:
    """What the client is told."""
    status = status_of(type(error))
    kind = _TYPE.get(status, "invalid_request_error" if status < 500 else "server_error")
    detail = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    # A surrogate in a message (out of a file name, say) must not make the answer to an error fail.
    try:
        body = orjson.dumps({"error": detail})
    except TypeError:
        detail = {k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for k, v in detail.items()}
        body = orjson.dumps({"error": detail})
    headers = {}
    retry_after: float | None = getattr(error, "retry_after", None)
    if retry_after is not None:
        headers["retry-after"] = str(max(0, math.ceil(retry_after)))
    if error.code in _LASTING:
        headers["x-should-retry"] = "false"
    if isinstance(error, MethodNotAllowed):
        headers["allow"] = error.allowed
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    return Problem(status, body, headers)

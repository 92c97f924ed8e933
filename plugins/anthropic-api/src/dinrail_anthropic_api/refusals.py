"""Errors in Anthropic's shape."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from dinrail_core import errors
from dinrail_core.errors import DinrailError

__all__ = ["refusal"]

_TYPES: Mapping[type[DinrailError], str] = {
    errors.RequestError: "invalid_request_error",
    errors.Unauthenticated: "authentication_error",
    errors.PermissionDenied: "permission_error",
    errors.NotFound: "not_found_error",
    errors.NothingServes: "not_found_error",
    errors.TooLarge: "request_too_large",
    errors.RateLimited: "rate_limit_error",
    errors.UpstreamUnavailable: "overloaded_error",
    errors.Unavailable: "overloaded_error",
    errors.UpstreamTimeout: "timeout_error",
    DinrailError: "api_error",
}


def refusal(error: DinrailError, request_id: str) -> bytes:
    """An error in Anthropic's shape: its JSON text."""
    kind = next(_TYPES[base] for base in type(error).__mro__ if base in _TYPES)
    message = error.message.encode("utf-8", "replace").decode()
    if isinstance(error, errors.ContextLengthExceeded):
        # Clients of this dialect shorten their history when they read these words.
        message = f"prompt is too long: {message}"
    elif error.param:
        message = f"{error.param}: {message}"
    return orjson.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id})

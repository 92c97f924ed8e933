"""Errors as a response tells them."""

from __future__ import annotations

import logging

from dinrail_core.errors import DinrailError, RateLimited, RequestError
from dinrail_responses.tools.interface import Json

__all__ = ["as_fault", "error_event", "response_error"]

_log = logging.getLogger(__name__)


def as_fault(error: BaseException) -> DinrailError:
    """An error as it may be told; what is no error of ours is logged, and told without detail."""
    if isinstance(error, DinrailError):
        return error
    _log.error("A response failed.", exc_info=error)
    return DinrailError("The server failed to make the response.", code="server_error")


def error_event(error: DinrailError) -> Json:
    """The fields of an ``error`` event, in both specifications' shapes."""
    told: Json = {"code": error.code, "message": error.message, "param": error.param}
    return {**told, "error": {"type": _type(error), **told}}


def response_error(error: DinrailError) -> Json:
    """The ``error`` of a response that failed; its codes are the specification's."""
    if isinstance(error, RateLimited):
        code = "rate_limit_exceeded"
    else:
        code = "invalid_prompt" if isinstance(error, RequestError) else "server_error"
    return {"code": code, "message": error.message}


def _type(error: DinrailError) -> str:
    if isinstance(error, RateLimited):
        return "rate_limit_error"
    return "invalid_request_error" if isinstance(error, RequestError) else "server_error"

"""What a failed call says about the one who was asked."""

from __future__ import annotations

from dinrail_core.errors import (
    ContextLengthExceeded,
    DinrailError,
    ModelNotFound,
    NothingServes,
    RateLimited,
    Unavailable,
    UpstreamError,
    UpstreamTimeout,
)
from dinrail_core.host.dispatch.settings import Failure

__all__ = ["failure_of", "is_ill"]


def failure_of(error: DinrailError) -> Failure | None:
    """Why it failed, as far as another model might answer the same request; ``None`` where none would."""
    match error:
        case UpstreamTimeout():
            return Failure.TIMEOUT
        case RateLimited():
            return Failure.RATE_LIMIT
        case ContextLengthExceeded():
            return Failure.CONTEXT_LENGTH
        case UpstreamError() | Unavailable() | ModelNotFound() | NothingServes():
            return Failure.ERROR
        case _:
            return None


def is_ill(error: DinrailError) -> bool:
    """Whether it speaks for an upstream that does not work, and not for a request that it did not like."""
    return isinstance(error, UpstreamError)

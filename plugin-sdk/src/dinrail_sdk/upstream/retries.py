"""When a request is sent again, and after how long. Pure.

Sent again is only what was certainly not answered in part:

- a connection that could not be made, or that ended before the first byte of an answer. Asking a model has no effect
  but its cost, so a request whose connection was reset may be repeated although it may have been read;
- 503 and 529, and 429 where the upstream says how soon and the wait is short: it states that it has not done it.

Never sent again is what ran out of time (the model may be computing still, and a second request would double the load
that made it slow), 500, 502 and 504 (the same doubt), an exhausted quota, and whatever has begun to answer.
"""

from __future__ import annotations

import random

from dinrail_core.errors import DinrailError, RateLimited, UpstreamUnavailable
from dinrail_sdk.upstream.transport import Unanswered

__all__ = ["LONGEST_WAIT", "delay_before_retry"]

LONGEST_WAIT = 5.0
"""Seconds. An upstream that asks for more is believed, and the caller is told instead of being kept waiting."""

_RETRIED_STATUSES = frozenset({429, 503, 529})


def delay_before_retry(error: DinrailError, status: int | None, tried: int, longest: float) -> float | None:
    """Seconds to wait before the next try, or ``None`` where there is to be none.

    Args:
        error: What the last try came to.
        status: The HTTP status of the last try; ``None`` where there was no answer at all.
        tried: How many tries there have been, 1 or more.
        longest: Seconds, at most, after the first one; it doubles with each.
    """
    if status not in _RETRIED_STATUSES and not isinstance(error, Unanswered):
        return None
    if not isinstance(error, (RateLimited, UpstreamUnavailable)) or error.code == "insufficient_quota":
        return None
    if isinstance(error, Unanswered) and error.on_used_connection:
        return 0.0
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_WAIT else None
    if status == 429:
        return None
    # Half of it by chance, so that many callers do not come back at the same moment.
    return float(longest * 2 ** (tried - 1)) * random.uniform(0.5, 1.0)  # noqa: S311

"""Asking what a line asks, until there is something to write down."""

from __future__ import annotations

import asyncio
import os
import random
import time
from dataclasses import dataclass

import orjson

from dinrail_batches.results import Result, result_of
from dinrail_core.api.call import Call
from dinrail_core.api.operations import Operations, Outcome
from dinrail_core.errors import RateLimited

__all__ = ["Asking", "wait_before"]

_LONGEST_WAIT = 60.0
_PASSING = frozenset({429, 500, 502, 503, 504})
_LASTING = frozenset({"insufficient_quota", "upstream_refused", "upstream_invalid", "server_error"})
"""Codes of errors that waiting does not mend, whatever their status."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How lines are asked.

    Args:
        operations: Who answers.
        slots: One for each line that may be asked at once.
        attempts: How often a line is asked while what keeps it from being answered may pass.
        backoff: Seconds before the second attempt.
        timeout: Seconds that an answer may take.
    """

    operations: Operations
    slots: asyncio.Semaphore
    attempts: int
    backoff: float
    timeout: float

    async def ask(self, endpoint: str, line: int, text: bytes, call: Call) -> Result:
        """Ask a line, as often as it takes or makes sense.

        Args:
            endpoint: What it asks.
            line: Its number.
            text: The line.
            call: On whose behalf.
        """
        request = orjson.loads(text)
        request_id = f"req_{os.urandom(12).hex()}"
        tried = 0
        while True:
            tried += 1
            outcome = await self._once(endpoint, request["body"], request_id, call)
            wait = wait_before(outcome, tried, self.backoff) if tried < self.attempts else None
            if wait is None:
                return result_of(line, request["custom_id"], request_id, outcome)
            await asyncio.sleep(wait)

    async def _once(self, endpoint: str, body: object, request_id: str, call: Call) -> Outcome:
        """Ask once it is the owner's turn: what its own limits forbid now is no failure of the line."""
        tried = 0
        while True:
            try:
                async with self.slots:
                    asking = Call(
                        call.principal,
                        request_id,
                        time.time() + self.timeout,
                        traceparent=call.traceparent,
                        credential=call.credential,
                    )
                    return await self.operations.perform(endpoint, body, asking)
            except RateLimited as error:
                tried += 1
                wait = error.retry_after or _doubled(self.backoff, tried)
            await asyncio.sleep(min(wait, _LONGEST_WAIT))


def wait_before(outcome: Outcome, tried: int, backoff: float) -> float | None:
    """Seconds to wait before the next attempt, or ``None`` where it would come to the same.

    Args:
        outcome: What the last attempt came to.
        tried: How many there have been.
        backoff: Seconds before the second.
    """
    if outcome.status not in _PASSING or outcome.code in _LASTING:
        return None
    if outcome.retry_after is not None:
        return min(outcome.retry_after, _LONGEST_WAIT)
    return _doubled(backoff, tried) * random.uniform(0.5, 1.0)  # noqa: S311  # lines must not come back all at once


def _doubled(backoff: float, tried: int) -> float:
    return min(_LONGEST_WAIT, backoff * float(2 ** (tried - 1)))

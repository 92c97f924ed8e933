"""On whose behalf a call is made, and until when: values that go along unchanged into providers, jobs and tools."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pydantic import SecretStr

__all__ = ["LOCAL", "Call", "Principal"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls."""

    tenant: str
    user: str | None = None
    roles: frozenset[str] = frozenset()


LOCAL = Principal(tenant="local", user="local")
"""The one user of a server without any configured identity."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: identity travels as a value, never in a context variable that a background task would inherit.

    Attributes:
        principal: On whose behalf.
        request_id: The id that the caller sees in ``x-request-id`` and that logs carry.
        deadline: Seconds since the epoch after which nobody waits for the answer; ``None`` for no limit.
        upstream_key: The caller's own key for the upstream, where the operator allows one.
        traceparent: The W3C trace context to hand on, where the caller sent one.
    """

    principal: Principal = LOCAL
    request_id: str = ""
    deadline: float | None = None
    upstream_key: SecretStr | None = field(default=None, repr=False)
    traceparent: str | None = None

    def remaining(self) -> float | None:
        """Seconds until the deadline (0.0 when it has passed), or ``None`` without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.time())

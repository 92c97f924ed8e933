"""On whose behalf a call is made, and until when: values that go along unchanged into providers, jobs and tools."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import SecretStr

__all__ = ["LOCAL", "Call", "Expense", "Principal", "Share"]


@dataclass(frozen=True, slots=True)
class Share:
    """What a principal shares with others in its tenant: they with it, and, where there is a role, it with them.

    Attributes:
        objects: Kinds of objects, by the names of their tables.
        role: Only objects that were made by somebody with this role, which the principal has too; ``None`` for every
            object of the tenant.
        reading: Whether the principal may see them; without, it is only seen by others.
        writing: Whether it may change and delete them as well.
    """

    objects: frozenset[str]
    role: str | None = None
    reading: bool = True
    writing: bool = False


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls.

    Attributes:
        tenant: Whom the user belongs to; nothing ever crosses its border.
        user: The user within the tenant; ``None`` for the tenant itself.
        roles: What the user is, as far as rules ask.
        shares: What it shares with others; no part of who it is.
    """

    tenant: str
    user: str | None = None
    roles: frozenset[str] = frozenset()
    shares: tuple[Share, ...] = field(default=(), compare=False)


LOCAL = Principal(tenant="local", user="local")
"""The one user of a server without any configured identity."""


@dataclass(slots=True)
class Expense:
    """What one answer of a model took, in the course of another answer.

    Attributes:
        asked: The name by which it was asked for: of an instance, or of a model of the operator's own making.
        model: The whole id of the model that has answered.
        input: Tokens of the request.
        output: Tokens of the answer.
        estimated: Nobody has said so; it is about this much.
    """

    asked: str
    model: str
    input: int = 0
    output: int = 0
    estimated: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """One call: identity travels as a value, never in a context variable that a background task would inherit.

    Attributes:
        principal: On whose behalf.
        request_id: The id that the caller sees in ``x-request-id`` and that logs carry.
        deadline: Seconds since the epoch after which nobody waits for the answer; ``None`` for no limit.
        upstream_key: The caller's own key for the upstream, where the operator allows one.
        traceparent: The W3C trace context to hand on, where the caller sent one.
        seed: What the id of the object that this call makes is made of, where the call may be tried again (48
            hexadecimal digits); a later try finds the object of an earlier one by it, and makes no second.
        storage_limit: Bytes that the principal may have stored altogether, where that is limited.
        credential: An id of what the caller showed, which is no secret (:attr:`Access.credential`); for accounts.
        may_use: ``may_use(instance, model)``: whether it may use a model, where that is limited; for services that ask
            models of their own accord (:meth:`Rail.limited_to`).
        expenses: Where it is noted what each model takes that is asked in the course of an answer and does not give
            that answer itself; ``None`` where nobody counts.
    """

    principal: Principal = LOCAL
    request_id: str = ""
    deadline: float | None = None
    upstream_key: SecretStr | None = field(default=None, repr=False)
    traceparent: str | None = None
    storage_limit: int | None = None
    seed: str | None = None
    credential: str | None = None
    may_use: Callable[[str, str | None], bool] | None = field(default=None, repr=False, compare=False)
    expenses: list[Expense] | None = field(default=None, repr=False, compare=False)

    def remaining(self) -> float | None:
        """Seconds until the deadline (0.0 when it has passed), or ``None`` without one."""
        return None if self.deadline is None else max(0.0, self.deadline - time.time())

"""How much somebody may have stored altogether, in whatever services keep it."""

from __future__ import annotations

from dinrail_core.api.call import Call
from dinrail_core.errors import RateLimited
from dinrail_sdk.sql.units import Owned

__all__ = ["check_room", "full", "room"]

_SOON = 60.0
"""Seconds within which what was deleted, or has expired, is gone."""


def room(unit: Owned, call: Call) -> int | None:
    """How many bytes more the caller may store, or ``None`` where that is not limited; never less than 0.

    Args:
        unit: Of the caller's.
        call: Says what the caller may have (:attr:`~dinrail_core.api.call.Call.storage_limit`).
    """
    return None if call.storage_limit is None else max(0, call.storage_limit - unit.stored_bytes())


def check_room(unit: Owned, call: Call, size: int) -> None:
    """See that there is room for something, in the unit that is to write it.

    Args:
        unit: Of the caller's.
        call: As for :func:`room`.
        size: Bytes more than before.

    Raises:
        RateLimited: There is not.
    """
    free = room(unit, call)
    if free is not None and size > free:
        raise full(call)


def full(call: Call) -> RateLimited:
    """The refusal of more than there is room for, by OpenAI's code for what a plan does not cover."""
    return RateLimited(
        f"There is no room for this: you may have {call.storage_limit} bytes stored. Delete something first.",
        code="insufficient_quota",
        retry_after=_SOON,
    )

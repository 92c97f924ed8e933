"""How much somebody may have stored altogether."""

from __future__ import annotations

from dinrail_core.api.call import Call
from dinrail_core.errors import RateLimited
from dinrail_files.tables import FILES, PARTS
from dinrail_sdk.sql.units import Owned

__all__ = ["full", "room"]


def room(unit: Owned, call: Call) -> int | None:
    """How many bytes more the caller may store, or ``None`` where that is not limited; never less than 0.

    Args:
        unit: Of the caller's.
        call: Says what the caller may have (:attr:`Call.storage_limit`).
    """
    if call.storage_limit is None:
        return None
    stored = unit.sum(FILES.c.bytes, own=True) + unit.sum(PARTS.c.bytes, own=True)
    return max(0, call.storage_limit - stored)


def full(call: Call) -> RateLimited:
    """The refusal of more than there is room for, by OpenAI's code for what a plan does not cover."""
    return RateLimited(
        f"There is no room for this: you may have {call.storage_limit} bytes stored. Delete something first.",
        code="insufficient_quota",
    )

"""Parts of a representation (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["Unsatisfiable", "wanted_range"]

_SINGLE = re.compile(r"\s*bytes\s*=\s*(?:(\d{1,40})-(\d{0,40})|-(\d{1,40}))\s*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(Exception):
    """The range lies outside of the bytes that there are."""


def wanted_range(headers: Mapping[str, str], size: int, etag: str) -> tuple[int, int] | None:
    """Which bytes are asked for, from the first up to, not including, the last; ``None`` for all of them.

    What is not one well-formed range of bytes is ignored, as section 14.2 allows: several ranges at once, other units.

    Args:
        headers: The request's.
        size: How many bytes there are.
        etag: Their mark; an ``If-Range`` with another asks for everything.

    Raises:
        Unsatisfiable: There are no such bytes.
    """
    match = _SINGLE.fullmatch(headers.get("Range", ""))
    if match is None or headers.get("If-Range", etag) != etag:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        length = min(int(suffix), size)
        if length == 0:
            raise Unsatisfiable
        return size - length, size
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return start, min(int(last) + 1, size) if last else size

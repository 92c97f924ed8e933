"""Vectors in the form that was asked for."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence

__all__ = ["packed"]


def packed(vector: Sequence[float]) -> str:
    """Base64 of the values as little-endian 32-bit floats.

    Raises:
        TypeError: They are no numbers.
    """
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (struct.error, OverflowError):
        raise TypeError("a vector is numbers") from None

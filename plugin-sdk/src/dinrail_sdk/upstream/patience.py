"""How long an upstream is waited for, and how much is taken of it."""

from __future__ import annotations

__all__ = ["Patience"]


class Patience:
    """How long to wait, in seconds, and how much to take, in bytes.

    Args:
        first_byte: From the request to the first byte of the body.
        idle: Between two reads.
        most: The largest body that is taken as a whole, and the most that one read may expand to.
    """

    __slots__ = ("first_byte", "idle", "most")

    def __init__(self, first_byte: float, idle: float, most: int) -> None:
        self.first_byte = first_byte
        self.idle = idle
        self.most = most

"""Framing of server-sent events (WHATWG HTML, section 9.2: "Server-sent events").

Bytes arrive cut anywhere; what leaves is cut at the ends of frames and nowhere else, so that it can be relayed, looked
at and ended without ever holding half an event. :func:`dinrail_core.api.answers.frames` reads the data of whole frames.
"""

from __future__ import annotations

__all__ = ["MAX_FRAME", "FrameCutter", "FrameTooLong", "LineCutter"]

MAX_FRAME = 1024 * 1024
"""The longest frame that is taken, in bytes."""

_BOM = b"\xef\xbb\xbf"


class FrameTooLong(ValueError):
    """A frame is longer than the limit, or a line never ends."""


class FrameCutter:
    """Turns reads into whole frames; line ends become ``\\n``.

    Pure: no I/O, no clock. However the same bytes are cut into reads, the same frames come out.

    Args:
        limit: The longest frame, in bytes, blank line included.
    """

    __slots__ = ("_begun", "_clean", "_held", "_limit", "_swallow")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._held = bytearray()
        self._limit = limit
        self._begun = False
        self._swallow = False
        self._clean = False

    def feed(self, read: bytes) -> bytes:
        """The frames that ``read`` completes, or ``b""``.

        Raises:
            FrameTooLong: A frame exceeds the limit.
        """
        if self._clean and read.endswith(b"\n\n") and b"\r" not in read:
            whole = read
        else:
            whole = self._join(read)
            self._clean = self._begun and not self._held and not self._swallow
        if len(whole) > self._limit and max(map(len, whole.split(b"\n\n"))) + 2 > self._limit:
            raise FrameTooLong
        return whole

    def rest(self) -> bytes:
        """What is left when the stream has ended: a frame without its blank line, or ``b""``."""
        rest = bytes(self._held).rstrip(b"\n")
        self._held.clear()
        return rest

    def _join(self, read: bytes) -> bytes:
        held = self._held
        if self._swallow and read:
            read = read.removeprefix(b"\n")
            self._swallow = False
        if b"\r" in read:
            # A carriage return ends a line by itself, and the line feed that may follow belongs to it.
            self._swallow = read.endswith(b"\r")
            read = read.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        seen = max(0, len(held) - 1)
        held += read
        if not self._begun:
            if len(held) < len(_BOM) and _BOM.startswith(held):
                return b""
            self._begun = True
            if held.startswith(_BOM):
                del held[: len(_BOM)]
            seen = 0
        cut = held.rfind(b"\n\n", seen) + 2
        if cut == 1:
            if len(held) > self._limit:
                raise FrameTooLong
            return b""
        whole = bytes(held[:cut])
        del held[:cut]
        return whole


class LineCutter:
    """Turns reads into whole lines, for streams that have an object on each; the same promises as the other.

    Args:
        limit: The longest line, in bytes.
    """

    __slots__ = ("_held", "_limit")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._held = bytearray()
        self._limit = limit

    def feed(self, read: bytes) -> bytes:
        """The lines that ``read`` completes, or ``b""``.

        Raises:
            FrameTooLong: A line exceeds the limit.
        """
        held = self._held
        if not held and read.endswith(b"\n"):
            whole = read
        else:
            seen = len(held)
            held += read
            cut = held.rfind(b"\n", seen) + 1
            whole = bytes(held[:cut])
            del held[:cut]
            if len(held) > self._limit:
                raise FrameTooLong
        if len(whole) > self._limit and max(map(len, whole.splitlines())) > self._limit:
            raise FrameTooLong
        return whole

    def rest(self) -> bytes:
        """What is left when the stream has ended: a line without its end, or ``b""``."""
        rest = bytes(self._held)
        self._held.clear()
        return rest

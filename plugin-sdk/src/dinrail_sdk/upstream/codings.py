"""Content codings (RFC 9110, section 8.4) of an upstream that compresses although it was not asked to."""

from __future__ import annotations

import zlib

from dinrail_core.errors import UpstreamInvalid

__all__ = ["Decoder"]


class Decoder:
    """Decodes a body as it comes.

    Args:
        most: The most bytes that one piece may expand to.
    """

    __slots__ = ("_most", "_zlib")

    def __init__(self, most: int) -> None:
        self._zlib = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self._most = most

    @classmethod
    def of(cls, coding: bytes, most: int) -> Decoder | None:
        """The decoder for a ``content-encoding``; ``None`` where there is nothing to decode.

        Raises:
            UpstreamInvalid: It is one that was not asked for and that is not known.
        """
        match coding.strip().lower():
            case b"identity" | b"":
                return None
            case b"gzip" | b"x-gzip" | b"deflate":
                return cls(most)
        raise UpstreamInvalid("The upstream's answer has a content coding that was not asked for.")

    def feed(self, piece: bytes) -> bytes:
        """What ``piece`` says.

        Raises:
            UpstreamInvalid: It is malformed, or expands to too much.
        """
        try:
            plain = self._zlib.decompress(piece, self._most)
        except zlib.error:
            raise UpstreamInvalid("The upstream's compressed answer is malformed.") from None
        if self._zlib.unconsumed_tail:
            raise UpstreamInvalid(f"The upstream's compressed answer expands to more than {self._most} bytes.")
        return plain

    def finish(self) -> None:
        """Check that nothing is missing.

        Raises:
            UpstreamInvalid: It breaks off.
        """
        if not self._zlib.eof:
            raise UpstreamInvalid("The upstream's compressed answer breaks off.")

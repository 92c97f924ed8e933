"""Forms with files (``multipart/form-data``), read as they come, in a memory that does not grow with them.

Neither of aiohttp's parsers is used: its reader believes a part's ``Content-Length`` and treats a field named
``_charset_`` specially, and its reading of ``Content-Disposition`` loses names with two semicolons.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable

from dinrail_core.errors import InvalidRequest, TooLarge
from dinrail_core.hooks.http import Part
from dinrail_server.disposition import disposition_of

__all__ = ["boundary_of", "read_parts"]

Read = Callable[[], Awaitable[bytes]]
"""The next bytes of the body, in pieces of any size; empty at its end."""

_MAX_PARTS = 1_000
_MAX_HEAD = 16 * 1024
"""Bytes of a part's head, or of what stands ahead of the first part."""
_BOUNDARY = re.compile(
    r"""multipart/form-data\s*;(?:[^"]|"[^"]*")*?\bboundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))""", re.IGNORECASE
)


def boundary_of(content_type: str) -> bytes:
    """What stands between the parts (RFC 2046, section 5.1.1).

    Raises:
        InvalidRequest: The type names none.
    """
    match = _BOUNDARY.match(content_type.strip())
    if match is None:
        raise _broken("its Content-Type names no boundary")
    return (match[1] or match[2]).encode("utf-8", "surrogateescape")


async def read_parts(read: Read, boundary: bytes) -> AsyncGenerator[Part, None]:
    """The parts, one after the other; the content of one has to be read before the next is asked for, or is skipped.

    Args:
        read: Where the body comes from.
        boundary: From :func:`boundary_of`.

    Raises:
        InvalidRequest: The body is no form.
        TooLarge: There are too many parts, or a head is too long.
    """
    body = _Body(read, b"\r\n--" + boundary)
    await body.begin()
    for _ in range(_MAX_PARTS):
        if await body.ended():
            return
        content = body.content()
        part = _part(await body.head(), content)
        yield part
        async for _piece in content:
            pass  # what nobody read
    if not await body.ended():
        raise TooLarge(f"The form has more than {_MAX_PARTS} parts.")


class _Body:
    """Bytes that were read and not yet handed on.

    Args:
        read: Where they come from.
        delimiter: The boundary with what belongs to it.
    """

    def __init__(self, read: Read, delimiter: bytes) -> None:
        self._read = read
        self._delimiter = delimiter
        self._buffer = b"\r\n"  # so that the first delimiter looks like every other

    async def begin(self) -> None:
        """Skip what stands ahead of the first delimiter."""
        await self._until(self._delimiter, "it does not begin with its boundary")

    async def ended(self) -> bool:
        """Read the rest of a delimiter's line, and tell whether it was the last."""
        while len(self._buffer) < 2:
            await self._more("it ends within a boundary")
        if self._buffer.startswith(b"--"):
            while await self._read():
                pass  # what stands behind the form; a connection that is kept must not see it
            return True
        padding = await self._until(b"\r\n", "it ends within a boundary")
        if padding.strip(b" \t"):
            raise _broken("a boundary is followed by something else")
        return False

    async def head(self) -> bytes:
        """A part's headers."""
        self._buffer = b"\r\n" + self._buffer  # a part may have no headers at all
        return await self._until(b"\r\n\r\n", "it ends within the headers of a part")

    async def content(self) -> AsyncGenerator[bytes, None]:
        """A part's bytes, up to the next delimiter."""
        keep = len(self._delimiter) - 1
        while True:
            at = self._buffer.find(self._delimiter)
            if at >= 0:
                piece, self._buffer = self._buffer[:at], self._buffer[at + len(self._delimiter) :]
                if piece:
                    yield piece
                return
            if len(self._buffer) > keep:
                piece, self._buffer = self._buffer[:-keep], self._buffer[-keep:]
                yield piece
            await self._more("it ends within a part")

    async def _until(self, end: bytes, fault: str) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise TooLarge("The headers of a part of the form are too long.")
            await self._more(fault)
        found, self._buffer = self._buffer[:at], self._buffer[at + len(end) :]
        return found

    async def _more(self, fault: str) -> None:
        piece = await self._read()
        if not piece:
            raise _broken(fault)
        self._buffer += piece


def _part(head: bytes, content: AsyncGenerator[bytes, None]) -> Part:
    headers: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        key, colon, value = line.partition(b":")
        if line and not colon:
            raise _broken("a part has a header without a colon")
        headers[key.strip().lower()] = value.strip()
    name, filename = disposition_of(headers.get(b"content-disposition", b""))
    if name is None:
        raise _broken("a part has no name")
    kind = headers.get(b"content-type")
    return Part(name, filename, None if kind is None else kind.decode("latin-1"), content)


def _broken(fault: str) -> InvalidRequest:
    return InvalidRequest(f"The body is no valid multipart/form-data: {fault}.", code="invalid_form")

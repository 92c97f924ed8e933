"""Files that a fake upstream holds ready, as a model hub does: whole or from somewhere in the middle."""

from __future__ import annotations

import hashlib
import re

from dinrail_sdk.testing.dialect import Rendered, Request

__all__ = ["etag_of", "lay_out", "start_of"]

_PIECE = 64 * 1024


def lay_out(request: Request, content: bytes) -> Rendered:
    """The answer to a request for a file (RFC 9110, sections 13.1.5 and 14).

    Args:
        request: A ``GET`` or ``HEAD``, with or without ``Range`` and ``If-Range``.
        content: The file.
    """
    headers = {"Accept-Ranges": "bytes", "ETag": etag_of(content)}
    start = start_of(request, content)
    if start >= len(content) > 0:
        headers["Content-Range"] = f"bytes */{len(content)}"
        return Rendered(pieces=(), status=416, headers=headers)
    status = 200
    if start:
        status = 206
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
    pieces = tuple(content[at : at + _PIECE] for at in range(start, len(content), _PIECE))
    return Rendered(pieces=pieces, status=status, content_type="application/octet-stream", headers=headers)


def start_of(request: Request, content: bytes) -> int:
    """Where the answer begins: 0, or what ``Range`` asks for unless the file has changed since."""
    wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", "").strip())
    known = request.headers.get("if-range")
    return int(wanted[1]) if wanted and known in (None, etag_of(content)) else 0


def etag_of(content: bytes) -> str:
    """The mark of a file's content."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'

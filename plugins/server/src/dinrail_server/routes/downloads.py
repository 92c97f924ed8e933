"""Bytes of files, whole or a range of them."""

from __future__ import annotations

from collections.abc import Mapping

from dinrail_core.api.answers import NO_HEADERS
from dinrail_core.api.error_body import ErrorBody, ErrorDetail
from dinrail_core.api.files import FileContent
from dinrail_core.hooks.http import Exchange, Reply
from dinrail_server.disposition import attachment
from dinrail_server.ranges import Unsatisfiable, wanted_range

__all__ = ["download"]


def download(exchange: Exchange, found: FileContent, more: Mapping[str, str] = NO_HEADERS) -> Reply:
    """A file, or the range of it that the request asks for.

    Args:
        exchange: The request.
        found: The file.
        more: More headers.
    """
    size = found.file.bytes
    etag = f'"{found.sha256}"'
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "private, no-cache",
        "content-disposition": attachment(found.file.filename),
        "etag": etag,
        **more,
    }
    try:
        part = wanted_range(exchange.headers, size, etag)
    except Unsatisfiable:
        return _unsatisfiable(size)
    start, stop = part or (0, size)
    headers["content-length"] = str(stop - start)
    if part is not None:
        headers["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    status = 200 if part is None else 206
    return Reply(found.read(start, stop), status, found.media_type, headers)


def _unsatisfiable(size: int) -> Reply:
    detail = ErrorDetail(
        message=f"The file has {size} bytes; the range lies outside of them.",
        type="invalid_request_error",
        param="range",
        code="range_not_satisfiable",
    )
    headers = {"accept-ranges": "bytes", "content-range": f"bytes */{size}"}
    return Reply(ErrorBody(error=detail).model_dump_json().encode(), 416, headers=headers)

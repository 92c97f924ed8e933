"""Looking through a batch's file: what is wrong with its lines, and where to cut it. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

__all__ = ["LONGEST_LINE", "MOST_ERRORS", "Checker", "Chunk", "split"]

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes; as long as a request's body may be."""

MOST_ERRORS = 100
"""How many of a file's errors are told."""

_CHUNK_LINES = 250
_CHUNK_BYTES = 4 * 1024 * 1024
_LONGEST_ID = 512
_BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Chunk:
    """Lines that are worked on in one step.

    Attributes:
        start: Where in the file it begins, in bytes.
        stop: Where it ends.
        first: The number of its first line, from 1.
        requests: How many of its lines are requests, and not empty.
    """

    start: int
    stop: int
    first: int
    requests: int = 0


@dataclass(slots=True)
class Checker:
    """Looks through a file as it comes.

    Args:
        endpoint: What every line has to ask.
        max_lines: How many lines there may be.

    Attributes:
        errors: What is wrong, as batches tell it; the first of many.
        chunks: Where the file is cut.
        requests: How many requests there are.
        models: The models that are asked, two at most.
    """

    endpoint: str
    max_lines: int
    errors: list[dict[str, Any]] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    requests: int = 0
    models: set[str] = field(default_factory=set)
    _seen: set[bytes] = field(default_factory=set)
    _rest: list[bytes] = field(default_factory=list)
    _waiting: int = 0
    _line: int = 0
    _at: int = 0

    @property
    def full(self) -> bool:
        """Whether there is no need to look at the rest."""
        return len(self.errors) >= MOST_ERRORS or self.requests > self.max_lines

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes."""
        *whole, rest = piece.split(b"\n")
        for end in whole:
            self._take(end, newline=1)
        self._keep(rest)

    def finish(self) -> None:
        """There are no more."""
        if self._rest or self._waiting:
            self._take(b"", newline=0)
        if not self.requests and not self.errors:
            self.errors.append(_error("empty_file", "The file has no requests.", None, None))

    def _keep(self, rest: bytes) -> None:
        """Hold the beginning of a line; of one that is too long, only how long it is."""
        self._waiting += len(rest)
        if self._waiting > LONGEST_LINE:
            self._rest.clear()
        elif rest:
            self._rest.append(rest)

    def _take(self, end: bytes, newline: int) -> None:
        self._keep(end)
        length, line = self._waiting, b"".join(self._rest)
        self._rest.clear()
        self._waiting = 0
        self._line += 1
        if length > LONGEST_LINE:
            self._complain("line_too_long", f"The line is longer than {LONGEST_LINE} bytes.", None)
            self.requests += 1
        elif not _is_blank(line):
            self.requests += 1
            self._look_at(line)
            self._count(length + newline)
        self._at += length + newline
        if self.chunks:
            self.chunks[-1].stop = self._at
        if self.requests == self.max_lines + 1:
            self._complain("too_many_requests", f"There are more than {self.max_lines} requests.", None)

    def _count(self, size: int) -> None:
        """Let the line belong to the last chunk, or to a new one where that is full."""
        last = self.chunks[-1] if self.chunks else None
        if last is None or last.requests >= _CHUNK_LINES or self._at + size - last.start > _CHUNK_BYTES:
            last = Chunk(self._at, self._at, self._line)
            self.chunks.append(last)
        last.requests += 1

    def _look_at(self, line: bytes) -> None:
        try:
            request = orjson.loads(line.removeprefix(_BOM) if self._line == 1 else line)
        except orjson.JSONDecodeError:
            self._complain("invalid_json_line", "The line is not valid JSON.", None)
            return
        if not isinstance(request, dict):
            self._complain("invalid_json_line", "The line is no JSON object.", None)
            return
        self._check_id(request.get("custom_id"))
        if request.get("method") != "POST":
            self._complain("invalid_method", "The method must be POST.", "method")
        if request.get("url") != self.endpoint:
            self._complain("invalid_url", f"The URL must be the batch's endpoint, {self.endpoint}.", "url")
        self._check_body(request.get("body"))

    def _check_id(self, custom_id: object) -> None:
        if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= _LONGEST_ID:
            self._complain(
                "invalid_custom_id", f"Each line needs a custom_id of 1 to {_LONGEST_ID} characters.", "custom_id"
            )
            return
        seen = blake2b(custom_id.encode(), digest_size=16).digest()
        if seen in self._seen:
            self._complain("duplicate_custom_id", "Another line has the same custom_id.", "custom_id")
        self._seen.add(seen)

    def _check_body(self, body: object) -> None:
        if not isinstance(body, dict):
            self._complain("invalid_body", "The body must be an object.", "body")
            return
        model = body.get("model")
        if isinstance(model, str) and model:
            if len(self.models) < 2:
                self.models.add(model)
        elif model is not None or self.endpoint != "/v1/moderations":  # which has a model for who names none
            self._complain("missing_required_parameter", "The body must name a model.", "body.model")

    def _complain(self, code: str, message: str, param: str | None) -> None:
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(_error(code, message, param, self._line))


def split(text: bytes, first: int) -> Iterator[tuple[int, bytes]]:
    """The requests of a chunk, each with the number of its line.

    Args:
        text: The chunk's bytes.
        first: The number of its first line.
    """
    for number, line in enumerate(text.split(b"\n"), first):
        if not _is_blank(line):
            yield number, line.removeprefix(_BOM) if number == 1 else line


def _is_blank(line: bytes) -> bool:
    return not line.strip()


def _error(code: str, message: str, param: str | None, line: int | None) -> dict[str, Any]:
    return {"code": code, "message": message, "param": param, "line": line}

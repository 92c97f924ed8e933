"""What llama.cpp prints: kept in a file beside the models, and told to the log."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path

__all__ = ["LogKeeper"]

_logger = logging.getLogger("dinrail.llamacpp")

_MOST_BYTES = 1_000_000
_LONGEST_LINE = 4096
_KEPT = 40
_LEVEL = re.compile(r"^[\d.]+ ([EW]) ")


class LogKeeper:
    """Takes a child's standard error.

    A prompt or a schema can be part of what llama.cpp prints about it, so the file is for the owner's eyes only, and
    the log of the server gets it at the level ``DEBUG``.

    Args:
        name: The model's name.
        file: Where it is kept; turned over at a megabyte, one older file stays.
    """

    def __init__(self, name: str, file: Path) -> None:
        self._name = name
        self._file = file
        self._recent: deque[str] = deque(maxlen=_KEPT)

    async def follow(self, stream: asyncio.StreamReader) -> None:
        """Take lines until the child closes the stream."""
        handler = await asyncio.to_thread(self._open)
        try:
            held = b""
            while read := await stream.read(65_536):
                *lines, held = (held + read).split(b"\n")
                if len(held) > _LONGEST_LINE:
                    lines, held = [*lines, held], b""
                self._take(handler, lines)
            self._take(handler, [held])
        finally:
            handler.close()

    def cause(self) -> str | None:
        """The newest line that says what went wrong, if any does."""
        errors = [line for line in self._recent if (level := _LEVEL.match(line)) and level[1] == "E"]
        line = errors[-1] if errors else (self._recent[-1] if self._recent else None)
        return _LEVEL.sub("", line).strip() if line else None

    def _open(self) -> RotatingFileHandler:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file.touch(mode=0o600)
        handler = RotatingFileHandler(self._file, maxBytes=_MOST_BYTES, backupCount=1, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        return handler

    def _take(self, handler: RotatingFileHandler, lines: list[bytes]) -> None:
        for line in lines:
            text = line[:_LONGEST_LINE].decode("utf-8", "replace").rstrip()
            if text:
                self._recent.append(text)
                handler.handle(logging.makeLogRecord({"msg": text}))
                _logger.debug("%s: %s", self._name, text)

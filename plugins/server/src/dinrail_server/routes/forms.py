"""Forms with one file, whose fields may stand ahead of the file or behind it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from dinrail_core.errors import InvalidRequest, TooLarge
from dinrail_core.hooks.http import Exchange, Part

__all__ = ["MULTIPART", "Form", "read_form"]

MULTIPART = frozenset({"multipart/form-data"})

_MAX_FIELD = 64 * 1024


class Form:
    """A form that is being read.

    Args:
        parts: Its parts.
        name: The field that is the file.

    Attributes:
        fields: The other fields so far; ``a[b]`` becomes a table ``a``.
        has_file: Whether there is a file.
        filename: The file's name.
        file: The file's bytes.
    """

    has_file = False

    file: AsyncIterator[bytes]
    filename: str

    def __init__(self, parts: AsyncGenerator[Part, None], name: str) -> None:
        self._parts = parts
        self._name = name
        self.fields: dict[str, Any] = {}

    async def seek(self) -> None:
        """Read up to the file, or to the end where there is none."""
        async for part in self._parts:
            if part.name == self._name:
                if not part.filename:
                    raise InvalidRequest(f"'{self._name}' must be sent as a file, with a file name.", param=self._name)
                self.has_file, self.file, self.filename = True, part.content, part.filename
                return
            await self._take(part)

    async def finish(self) -> dict[str, Any]:
        """Read what stands behind the file, and return all fields but it."""
        async for part in self._parts:
            if part.name == self._name:
                raise InvalidRequest(f"'{self._name}' was sent twice.", param=self._name)
            await self._take(part)
        return self.fields

    async def _take(self, part: Part) -> None:
        value = b""
        async for piece in part.content:
            value += piece
            if len(value) > _MAX_FIELD:
                raise TooLarge(f"The field is longer than {_MAX_FIELD} bytes.", param=part.name[:200])
        try:
            text = value.decode()
        except UnicodeDecodeError:
            raise InvalidRequest("The field is not UTF-8.", param=part.name[:200]) from None
        *tables, last = part.name.replace("]", "").split("[")
        here: Any = self.fields
        for table in tables:
            here = here.setdefault(table, {})
            if not isinstance(here, dict):
                break
        if not isinstance(here, dict) or last in here:
            raise InvalidRequest("The field was sent twice.", param=part.name[:200])
        here[last] = text


@asynccontextmanager
async def read_form(exchange: Exchange, name: str, *, optional: bool = False) -> AsyncIterator[Form]:
    """A form, read up to its file.

    Args:
        exchange: The request.
        name: The field that is the file.
        optional: It may be left out; the form is then read to its end.

    Raises:
        InvalidRequest: It is no form, or has no file.
    """
    parts = exchange.parts()
    try:
        form = Form(parts, name)
        await form.seek()
        if not form.has_file and not optional:
            raise InvalidRequest(
                f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter"
            )
        yield form
    finally:
        await parts.aclose()

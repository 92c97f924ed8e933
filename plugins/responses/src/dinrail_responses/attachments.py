"""Images and documents that items name: fetched, checked, and put into words of a chat."""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from dinrail_core.api.call import Call
from dinrail_core.api.documents import Documents, DocumentSource
from dinrail_core.api.files import Files
from dinrail_core.errors import DinrailError, InvalidRequest, NotFound, TooLarge, UnsupportedFeature
from dinrail_core.hooks.context import Rail
from dinrail_responses.chat_messages import Attached
from dinrail_responses.tools.interface import Json
from dinrail_sdk.outbound import OutboundClient

__all__ = ["Attachments", "Blob"]

_MOST = 50_000_000
"""Bytes of one file."""

_TEXTUAL = ("application/json", "application/xml", "application/javascript", "application/x-ndjson", "application/yaml")


@dataclass(frozen=True, slots=True)
class Blob:
    """A file's bytes.

    Attributes:
        data: The bytes.
        media_type: What they are.
        filename: What they are called.
    """

    data: bytes
    media_type: str
    filename: str

    @property
    def url(self) -> str:
        """As a ``data:`` URL."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"

    @property
    def source(self) -> DocumentSource:
        """As a document that is to be read."""
        return DocumentSource(self.filename, self.media_type, len(self.data), self._read)

    async def _read(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        yield self.data[start:stop]


class Attachments:
    """Gets files.

    Args:
        rail: Where files are kept.
        outbound: Follows URLs.
    """

    def __init__(self, rail: Rail, outbound: OutboundClient) -> None:
        self._rail = rail
        self._outbound = outbound

    async def blobs(self, items: Sequence[Json], call: Call) -> dict[str, Blob]:
        """All files that items name, by what names them: a ``file_id``, a ``file_url``, or inline ``file_data``.

        Raises:
            InvalidRequest: A URL leads nowhere, or data are not base64.
            NotFound: There is no such file.
            TooLarge: A file is over the limit.
        """
        found: dict[str, Blob] = {}
        for part in _parts(items):
            if part.get("file_id"):
                key = part["file_id"]
                if key not in found:
                    found[key] = await self._stored(key, call)
            elif part["type"] == "input_image":
                continue  # a URL, which the model's server follows
            elif part.get("file_data"):
                found[part["file_data"]] = _inline(part["file_data"], part.get("filename") or "file")
            elif part.get("file_url") and part["file_url"] not in found:
                found[part["file_url"]] = await self._remote(part["file_url"])
        return found

    async def stored(self, items: Sequence[Json], call: Call) -> dict[str, Blob]:
        """Uploaded files that items name, by their ids.

        Raises:
            NotFound: There is no such file.
            TooLarge: A file is over the limit.
        """
        ids = dict.fromkeys(part["file_id"] for part in _parts(items) if part.get("file_id"))
        return {file_id: await self._stored(file_id, call) for file_id in ids}

    async def told(self, items: Sequence[Json], call: Call) -> Mapping[str, Attached]:
        """The same as a chat is told it: images as URLs, of documents what they say."""
        found = {}
        for key, blob in (await self.blobs(items, call)).items():
            is_image = blob.media_type.startswith("image/")
            if is_image:
                found[key] = Attached(url=blob.url)
            else:
                found[key] = Attached(text=await self._text(blob, call), filename=blob.filename)
        return found

    async def _text(self, blob: Blob, call: Call) -> str:
        """What a document says: text as it is, of all else what a parser reads."""
        if _is_text(blob):
            try:
                return blob.data.decode("utf-8-sig")
            except UnicodeDecodeError:
                raise InvalidRequest(f"The file '{blob.filename:.200}' is not UTF-8.", param="input") from None
        if not self._rail.provides(Documents):
            raise UnsupportedFeature(
                f"This model cannot be told of a file of the type '{blob.media_type:.100}': nothing is installed that "
                "reads documents.",
                param="input",
            )
        documents = await self._rail.service(Documents)
        try:
            text = (await documents.parse(blob.source, call)).text
        except InvalidRequest as error:
            told = f"The file '{blob.filename:.200}' cannot be read: {error.message}"
            raise InvalidRequest(told, param="input", code=error.code) from None
        if not text.strip():
            raise InvalidRequest(f"No text can be read from the file '{blob.filename:.200}'.", param="input")
        return text

    async def _stored(self, file_id: str, call: Call) -> Blob:
        files = await self._rail.service(Files)
        try:
            content = await files.content(file_id, call)
        except NotFound as error:
            raise NotFound(error.message, param="input.file_id") from None
        size = content.file.bytes
        if size > _MOST:
            raise TooLarge(f"The file '{file_id}' has {size} bytes; a model is told at most {_MOST}.", param="input")
        async with aclosing(content.read(0, size)) as pieces:
            data = b"".join([piece async for piece in pieces])
        return Blob(data, content.media_type, content.file.filename)

    async def _remote(self, url: str) -> Blob:
        try:
            fetched = await self._outbound.get(url, limit=_MOST, param="input.file_url")
        except InvalidRequest:
            raise
        except DinrailError as error:
            raise InvalidRequest(f"The file could not be fetched: {error.message}", param="input.file_url") from error
        if fetched.status != 200:
            raise InvalidRequest(
                f"The file could not be fetched: its server answered {fetched.status}.", param="input.file_url"
            )
        media_type = fetched.headers.get("content-type", "").partition(";")[0].strip()
        filename = url.rsplit("/", 1)[-1].partition("?")[0] or "file"
        return Blob(fetched.body, media_type or _sniffed(fetched.body, filename), filename)


def _parts(items: Sequence[Json]) -> Iterator[Json]:
    for item in items:
        content = item.get("content") if item["type"] == "message" else item.get("output")
        if isinstance(content, list):
            for part in content:
                if part.get("type") in ("input_image", "input_file"):
                    yield part


def _inline(given: str, filename: str) -> Blob:
    media_type, text = "", given
    if given.startswith("data:"):
        head, _, text = given.partition(",")
        media_type = head.removeprefix("data:").partition(";")[0]
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequest("The data of a file are not base64.", param="input.file_data") from None
    return Blob(data, media_type or _sniffed(data, filename), filename)


def _sniffed(data: bytes, filename: str) -> str:
    for magic, media_type in (
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
    ):
        if data.startswith(magic):
            return media_type
    return mimetypes.guess_type(filename)[0] or "text/plain"


def _is_text(blob: Blob) -> bool:
    kind = blob.media_type
    return kind.startswith("text/") or kind in _TEXTUAL or kind.endswith(("+json", "+xml"))

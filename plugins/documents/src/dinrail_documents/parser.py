"""The built-in parser, and the cutting of what any parser has read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from dinrail_core.api.documents.contract import INVALID_FILE, DocumentSource, ParsedDocument
from dinrail_core.api.documents.objects import Chunk
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest
from dinrail_documents.reading.kinds import kind_of
from dinrail_sdk.confined.faults import ConfinedFault
from dinrail_sdk.confined.parent import Confined
from dinrail_sdk.confined.parser import ConfinedParser

__all__ = ["BuiltInParser", "chunks_of"]


class BuiltInParser(ConfinedParser):
    """Reads text, Markdown, HTML, JSON, CSV, source code and PDF."""

    def reads(self, source: DocumentSource) -> bool:
        return kind_of(source.media_type, source.filename) is not None


async def chunks_of(document: ParsedDocument, size: int, overlap: int, confined: Confined) -> list[Chunk]:
    """Cut a document.

    Args:
        document: The document.
        size: The most tokens of a chunk.
        overlap: Tokens that neighbours may have in common.
        confined: Runs what cuts.

    Raises:
        InvalidRequest: It cannot be cut within the limits.
    """
    arguments = {"text": document.text, "form": document.form, "size": size, "overlap": overlap}
    try:
        spans = await confined.call("cut", arguments)
    except ConfinedFault as fault:
        raise InvalidRequest(
            f"The file's text cannot be cut into chunks: {fault.message}", code=INVALID_FILE
        ) from fault
    return [_chunk(index, begin, end, document) for index, (begin, end) in enumerate(spans)]


def _chunk(index: int, begin: int, end: int, document: ParsedDocument) -> Chunk:
    return Chunk(
        index=index,
        text=document.text[begin:end],
        start_index=begin,
        end_index=end,
        page=_page(begin, document.pages),
        last_page=_page(end - 1, document.pages),
    )


def _page(at: int, pages: Sequence[int]) -> int | MISSING:
    return bisect_right(pages, at) if pages else MISSING

"""Cases for parsers that read in a child process, and the documents that they are given."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager
from io import BytesIO
from typing import Any, ClassVar
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.documents import DocumentSource
from dinrail_core.errors import InvalidRequest
from dinrail_sdk.confined.declared import DocumentParserConfig
from dinrail_sdk.confined.library import LibraryParser

__all__ = ["DOCX", "LibraryParserCases", "document", "docx"]

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{DOCX}.main+xml"/></Types>'
)
_LINKS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)


def docx(*paragraphs: str, repeat: int = 1) -> bytes:
    """A Word document with these paragraphs, over and over."""
    body = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs)
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _LINKS)
        with archive.open("word/document.xml", "w") as document:
            document.write(f'<?xml version="1.0"?><w:document xmlns:w="{space}"><w:body>'.encode())
            for _ in range(repeat):
                document.write(body.encode())
            document.write(b"</w:body></w:document>")
    return out.getvalue()


def document(data: bytes, filename: str = "a.docx", media_type: str = DOCX) -> DocumentSource:
    """A file as parsers get it."""

    async def read(start: int, stop: int) -> AsyncGenerator[bytes, None]:
        yield data[start:stop]

    return DocumentSource(filename, media_type, len(data), read)


class LibraryParserCases:
    """What a :class:`~dinrail_sdk.confined.library.LibraryParser` of Word documents must do.

    A plugin's test says which::

        class TestAcme(LibraryParserCases):
            parser = Parser
            config = AcmeConfig

    Attributes:
        parser: The parser.
        config: Its configuration.
        bomb: Limits at which reading a bomb of 270 MB in half a megabyte has to end.
    """

    parser: ClassVar[type[LibraryParser[Any]]]
    config: ClassVar[type[DocumentParserConfig]]
    bomb: ClassVar[Mapping[str, int]] = {"cpu_seconds": 2, "memory": 2 * 1024**3}

    def opened(self, **config: Any) -> AbstractAsyncContextManager[LibraryParser[Any]]:
        """The parser with a configuration."""
        return self.parser.opened(self.config(**config))

    async def test_documents(self) -> None:
        """A document is read; what is broken or too big is refused in a sentence, and the next one is read.

        Troubleshooting: raise :class:`~dinrail_sdk.confined.faults.ConfinedFault` for what the library raises.
        """
        async with self.opened(max_characters=2_000) as parser:
            found = await parser.parse(document(docx("The first paragraph.", "The second one.")), Call())
            assert found.text.split("\n\n") == ["The first paragraph.", "The second one."]
            assert found.form == "markdown"
            for data in (b"PK\x03\x04nothing", docx("boom " * 100, repeat=20)):
                with pytest.raises(InvalidRequest) as refused:
                    await parser.parse(document(data), Call())
                assert refused.value.code == "invalid_file"
                assert refused.value.message.endswith(".")
            assert (await parser.parse(document(docx("Fine.")), Call())).text.strip() == "Fine."

    async def test_bomb(self) -> None:
        """A bomb ends at the limit of time or memory.

        Troubleshooting: the library reads in the process that asks, and not in that of ``Confined``.
        """
        bomb = docx("boom " * 2_000, repeat=30_000)
        assert len(bomb) < 2_000_000
        async with self.opened(**self.bomb) as parser:
            with pytest.raises(InvalidRequest) as refused:
                await parser.parse(document(bomb), Call())
            assert refused.value.code == "invalid_file"

    def test_types(self) -> None:
        """It says what it reads, and does not say so of what it does not.

        Troubleshooting: ``types`` are media types as :class:`DocumentSource` has them.
        """
        parser = self.parser(None, self.config())  # type: ignore[arg-type]  # nothing is run
        assert parser.reads(document(b""))
        assert not parser.reads(document(b"", "a.py", "text/x-python"))

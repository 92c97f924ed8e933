"""Cases for parsers that read in a child process, and the documents that they are given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
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

__all__ = ["DOCX", "PPTX", "XLSX", "LibraryParserCases", "document", "docx", "pptx", "xlsx"]

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SOON = 20.0
"""Seconds; far less than a parser may compute."""
_FORMATS = "http://schemas.openxmlformats.org"


def docx(*paragraphs: str, repeat: int = 1) -> bytes:
    """A Word document with these paragraphs, over and over."""
    body = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs)
    space = f"{_FORMATS}/wordprocessingml/2006/main"
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        _begin(archive, {"word/document.xml": f"{DOCX}.main+xml"})
        with archive.open("word/document.xml", "w") as document:
            document.write(f'<?xml version="1.0"?><w:document xmlns:w="{space}"><w:body>'.encode())
            for _ in range(repeat):
                document.write(body.encode())
            document.write(b"</w:body></w:document>")
    return out.getvalue()


def xlsx(*rows: Sequence[str | int]) -> bytes:
    """A workbook with a sheet of these rows."""
    space = f"{_FORMATS}/spreadsheetml/2006/main"
    cells = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
    link = f'r:id="r1" xmlns:r="{_FORMATS}/officeDocument/2006/relationships"'
    sheets = f'<sheets><sheet name="Sheet" sheetId="1" {link}/></sheets>'
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        types = {"xl/workbook.xml": f"{XLSX}.main+xml", "xl/sheet1.xml": f"{XLSX.removesuffix('sheet')}worksheet+xml"}
        _begin(archive, types)
        archive.writestr("xl/workbook.xml", f'<workbook xmlns="{space}">{sheets}</workbook>')
        archive.writestr("xl/_rels/workbook.xml.rels", _links("worksheet", "sheet1.xml"))
        sheet = f'<worksheet xmlns="{space}"><sheetData>{cells}</sheetData></worksheet>'
        archive.writestr("xl/sheet1.xml", sheet)
    return out.getvalue()


def pptx(*slides: Sequence[str]) -> bytes:
    """A presentation whose slides have these texts, one below the other."""
    spaces = (
        f'xmlns:a="{_FORMATS}/drawingml/2006/main" xmlns:p="{_FORMATS}/presentationml/2006/main" '
        f'xmlns:r="{_FORMATS}/officeDocument/2006/relationships"'
    )
    names = [f"slide{number}.xml" for number in range(1, len(slides) + 1)]
    shown = "".join(f'<p:sldId id="{255 + number}" r:id="r{number}"/>' for number in range(1, len(slides) + 1))
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        types = {"ppt/presentation.xml": f"{PPTX}.main+xml"}
        types |= {f"ppt/slides/{name}": f"{PPTX.removesuffix('presentation')}slide+xml" for name in names}
        _begin(archive, types)
        archive.writestr(
            "ppt/presentation.xml", f"<p:presentation {spaces}><p:sldIdLst>{shown}</p:sldIdLst></p:presentation>"
        )
        archive.writestr("ppt/_rels/presentation.xml.rels", _links("slide", *(f"slides/{name}" for name in names)))
        for name, texts in zip(names, slides, strict=True):
            shapes = "".join(_shape(number, text) for number, text in enumerate(texts, 2))
            group = '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
            tree = f"<p:cSld><p:spTree>{group}{shapes}</p:spTree></p:cSld>"
            archive.writestr(f"ppt/slides/{name}", f"<p:sld {spaces}>{tree}</p:sld>")
    return out.getvalue()


def _shape(number: int, text: str) -> str:
    place = f'<a:xfrm><a:off x="0" y="{number * 500_000}"/><a:ext cx="5000000" cy="400000"/></a:xfrm>'
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name="Text {number}"/><p:cNvSpPr txBox="1"/><p:nvPr/></p:nvSpPr>'
        f'<p:spPr>{place}<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr>'
        f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p></p:txBody></p:sp>"
    )


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def _begin(archive: ZipFile, parts: Mapping[str, str]) -> None:
    """What every such file begins with: the types of its parts, and which of them is the first."""
    space = f"{_FORMATS}/package/2006/content-types"
    kinds = "".join(f'<Override PartName="/{part}" ContentType="{kind}"/>' for part, kind in parts.items())
    links = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    plain = '<Default Extension="xml" ContentType="application/xml"/>'
    archive.writestr("[Content_Types].xml", f'<Types xmlns="{space}">{links}{plain}{kinds}</Types>')
    archive.writestr("_rels/.rels", _links("officeDocument", next(iter(parts))))


def _links(kind: str, *targets: str) -> str:
    links = "".join(
        f'<Relationship Id="r{number}" Type="{_FORMATS}/officeDocument/2006/relationships/{kind}" Target="{target}"/>'
        for number, target in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_FORMATS}/package/2006/relationships">{links}</Relationships>'


def document(data: bytes, filename: str = "a.docx", media_type: str = DOCX) -> DocumentSource:
    """A file as parsers get it."""

    async def read(start: int, stop: int) -> AsyncGenerator[bytes, None]:
        yield data[start:stop]

    return DocumentSource(filename, media_type, len(data), read)


class LibraryParserCases:
    """What a :class:`~dinrail_sdk.confined.library.LibraryParser` of office documents must do.

    A plugin's test says which::

        class TestAcme(LibraryParserCases):
            parser = Parser
            config = AcmeConfig

    Attributes:
        parser: The parser.
        config: Its configuration.
    """

    parser: ClassVar[type[LibraryParser[Any]]]
    config: ClassVar[type[DocumentParserConfig]]

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

    async def test_tables(self) -> None:
        """The rows of a sheet become a table of Markdown.

        Troubleshooting: let the library write Markdown, and not plain text.
        """
        async with self.opened() as parser:
            sheet = xlsx(("bird", "legs"), ("heron", 2))
            found = await parser.parse(document(sheet, "a.xlsx", XLSX), Call())
        assert found.form == "markdown"
        table = [line for line in found.text.splitlines() if line.startswith("|")]
        assert [[cell.strip() for cell in line.strip("|").split("|")] for line in (table[0], table[2])] == [
            ["bird", "legs"],
            ["heron", "2"],
        ]

    async def test_slides(self) -> None:
        """The texts of a presentation are read, slide by slide.

        Troubleshooting: the library lacks what it reads such files with, or leaves out text that is no title.
        """
        async with self.opened() as parser:
            slides = pptx(("Herons", "They stand in the reeds."), ("Otters & more", "They swim."))
            found = await parser.parse(document(slides, "a.pptx", PPTX), Call())
        places = [found.text.find(text) for text in ("Herons", "They stand in the reeds.", "Otters", "They swim.")]
        assert -1 not in places
        assert places == sorted(places)
        assert not found.pages or [found.text[at:].lstrip("# ")[:6] for at in found.pages] == ["Herons", "Otters"]

    async def test_bomb(self) -> None:
        """A bomb of 300 MB in half a megabyte is refused before it is unpacked, whatever the process may use.

        Troubleshooting: begin by :func:`~dinrail_sdk.confined.archives.check_unpacked`.
        """
        bomb = docx("boom " * 2_000, repeat=30_000)
        assert len(bomb) < 2_000_000
        async with self.opened() as parser, asyncio.timeout(_SOON):
            with pytest.raises(InvalidRequest, match="once it is unpacked") as refused:
                await parser.parse(document(bomb), Call())
            assert refused.value.code == "invalid_file"

    def test_types(self) -> None:
        """It says what it reads, and does not say so of what it does not.

        Troubleshooting: ``types`` are media types as :class:`DocumentSource` has them.
        """
        parser = self.parser(None, self.config())  # type: ignore[arg-type]  # nothing is run
        assert parser.reads(document(b""))
        assert not parser.reads(document(b"", "a.py", "text/x-python"))

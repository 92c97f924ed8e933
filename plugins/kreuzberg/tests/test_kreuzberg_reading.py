"""Real documents, broken ones, and bombs, read by kreuzberg in its process; pictures of text where tesseract is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from io import BytesIO

import pytest
from PIL import Image, ImageDraw, ImageFont
from pypdf import PdfWriter

from dinrail_core.api.call import Call
from dinrail_core.errors import InvalidRequest
from dinrail_kreuzberg.parser import Parser
from dinrail_kreuzberg.plugin import KreuzbergConfig
from dinrail_sdk.testing.documents import PPTX, LibraryParserCases, document, pptx

PDF = "application/pdf"
recognises = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="tesseract is not installed (Debian: tesseract-ocr)"
)


class TestKreuzberg(LibraryParserCases):
    parser = Parser
    config = KreuzbergConfig


def picture(text: str) -> Image.Image:
    made = Image.new("RGB", (900, 160), "white")
    ImageDraw.Draw(made).text((20, 50), text, fill="black", font=ImageFont.load_default(size=48))
    return made


def written(text: str, form: str, more: Sequence[str] = ()) -> bytes:
    """A picture of a text as a file; with further ones a file of several pages."""
    out = BytesIO()
    if more:
        picture(text).save(out, form, save_all=True, append_images=[picture(one) for one in more])
    else:
        picture(text).save(out, form)
    return out.getvalue()


@recognises
async def test_text_in_pictures_and_scans_is_recognised_page_by_page() -> None:
    async with Parser.opened(KreuzbergConfig()) as parser:
        found = await parser.parse(document(written("A heron in the reeds.", "PNG"), "a.png", "image/png"), Call())
        assert found.text == "A heron in the reeds."
        both = written("The first page is dry.", "PDF", ["The second page is wet."])
        found = await parser.parse(document(both, "a.pdf", PDF), Call())
        assert found.text == "The first page is dry.\n\nThe second page is wet."
        assert [found.text[at:][:9] for at in found.pages] == ["The first", "The secon"]
        with pytest.raises(InvalidRequest, match="holds no text") as refused:
            await parser.parse(document(written(" ", "PNG"), "a.png", "image/png"), Call())
        assert refused.value.code == "invalid_file"


@recognises
async def test_lines_in_a_picture_are_no_table() -> None:
    made = Image.new("RGB", (1240, 300), "white")
    lines = "The lighthouse at Heligoland\nwas rebuilt in 1952."
    ImageDraw.Draw(made).text((60, 80), lines, fill="black", font=ImageFont.load_default(size=40))
    out = BytesIO()
    made.save(out, "PNG")
    async with Parser.opened(KreuzbergConfig()) as parser:
        found = await parser.parse(document(out.getvalue(), "a.png", "image/png"), Call())
    assert found.text.split() == lines.split()


async def test_slides_are_pages() -> None:
    slides = pptx(("Herons", "They stand."), (), ("Otters", "They swim."))
    async with Parser.opened(KreuzbergConfig()) as parser:
        found = await parser.parse(document(slides, "a.pptx", PPTX), Call())
    assert len(found.pages) == 3
    assert found.text[found.pages[2] :].lstrip("# ").split() == ["Otters", "They", "swim."]


@recognises
async def test_a_language_that_tesseract_lacks_is_said() -> None:
    async with Parser.opened(KreuzbergConfig(languages="tlh")) as parser:
        with pytest.raises(InvalidRequest, match="tlh") as refused:
            await parser.parse(document(written("Qapla!", "PNG"), "a.png", "image/png"), Call())
        assert refused.value.code == "invalid_file"


async def test_without_recognition_pictures_are_not_read_and_scans_hold_no_text() -> None:
    async with Parser.opened(KreuzbergConfig(ocr=False)) as parser:
        with pytest.raises(InvalidRequest) as refused:
            await parser.parse(document(written("A heron.", "PNG"), "a.png", "image/png"), Call())
        assert refused.value.code == "unsupported_file"
        with pytest.raises(InvalidRequest, match="holds no text"):
            await parser.parse(document(written("A heron.", "PDF"), "a.pdf", PDF), Call())


async def test_pages_of_a_pdf_are_told_before_any_is_recognised() -> None:
    writer, out = PdfWriter(), BytesIO()
    for _ in range(3):
        writer.add_blank_page(300, 300)
    writer.write(out)
    async with Parser.opened(KreuzbergConfig(max_pages=2)) as parser:
        with pytest.raises(InvalidRequest, match="more than 2 pages"):
            await parser.parse(document(out.getvalue(), "a.pdf", PDF), Call())

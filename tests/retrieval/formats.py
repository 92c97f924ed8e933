"""The corpus's documents as files of each format, made here."""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from xml.sax.saxutils import escape

from dinrail_sdk.testing.documents import docx as word

__all__ = ["FORMATS"]

Sections = Sequence[tuple[str, str]]


def markdown(title: str, sections: Sections) -> bytes:
    parts = [f"# {title.capitalize()}", *(f"## {heading}\n\n{text}" for heading, text in sections)]
    return "\n\n".join(parts).encode()


def html(title: str, sections: Sections) -> bytes:
    body = "".join(f"<section><h2>{escape(heading)}</h2><p>{escape(text)}</p></section>" for heading, text in sections)
    head = f"<head><title>{title}</title><style>p {{ margin: 0 }}</style></head>"
    return f"<!doctype html><html>{head}<body><nav>Home | About</nav><h1>{title}</h1>{body}</body></html>".encode()


def docx(title: str, sections: Sections) -> bytes:
    return word(title, *(text for section in sections for text in section))


def pdf(title: str, sections: Sections) -> bytes:
    """Two sections a page, in lines as a typesetter breaks them."""
    pages = []
    for begin in range(0, len(sections), 2):
        lines = [title.capitalize()] if begin == 0 else []
        for heading, text in sections[begin : begin + 2]:
            lines += ["", heading, *textwrap.wrap(text, 80)]
        pages.append(lines)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>"
        % (b" ".join(b"%d 0 R" % (4 + 2 * index) for index in range(len(pages))), len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for index, lines in enumerate(pages):
        shown = b"".join(
            b"(%b) Tj T*\n" % line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)").encode("cp1252")
            for line in lines
        )
        content = zlib.compress(b"BT /F1 11 Tf 14 TL 50 780 Td\n%bET\n" % shown)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (5 + 2 * index)
        )
        head = b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(content)
        objects.append(head + content + b"\nendstream")
    out, places = BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, 2)
    for number, one in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%b\nendobj\n" % (number, one))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % place for place in places))
    out.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    return out.getvalue()


FORMATS: Mapping[str, Callable[[str, Sections], bytes]] = {"md": markdown, "html": html, "pdf": pdf, "docx": docx}

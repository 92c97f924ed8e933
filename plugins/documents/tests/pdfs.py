"""PDFs that tests make."""

from __future__ import annotations

import zlib

__all__ = ["bomb", "pdf"]


def pdf(*pages: str) -> bytes:
    """A PDF with these pages, a line of text a line."""
    return _file([_content(page) for page in pages])


def bomb(megabytes: int) -> bytes:
    """A PDF of some kilobytes whose one page has so many megabytes of text."""
    line = b"BT /F1 10 Tf 50 700 Td (" + b"boom " * 200 + b") Tj ET\n"
    return _file([line * (megabytes * 1024 * 1024 // len(line))])


def _content(text: str) -> bytes:
    lines = [line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in text.split("\n")]
    shown = b"".join(b"(%b) Tj T*\n" % line.encode("cp1252") for line in lines)
    return b"BT /F1 10 Tf 12 TL 50 780 Td\n" + shown + b"ET\n"


def _file(contents: list[bytes]) -> bytes:
    kids = " ".join(f"{4 + 2 * index} 0 R" for index in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for index, content in enumerate(contents):
        page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
        objects.append(f"{page}/Contents {5 + 2 * index} 0 R >>".encode())
        packed = zlib.compress(content, 9)
        head = f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode()
        objects.append(head + packed + b"\nendstream")
    out = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    cross = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    return out + f"{cross}trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n".encode()

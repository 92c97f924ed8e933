from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_files.media_types import BINARY, HEAD, media_type_of

OFFICE = "application/vnd.openxmlformats-officedocument."


def zipped(*names: str, first: bytes | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        if first is not None:
            archive.writestr("mimetype", first)
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "x.txt", "application/pdf"),
        (b"%PDF-1.4\nall of it text", "x.txt", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n\0", "x.jpg", "image/png"),
        (b"\xff\xd8\xff\xe0\x00", "x.png", "image/jpeg"),
        (b"GIF89a\x01\x00", "x", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "x", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "x", "audio/wav"),
        (b"\x00\x00\x00\x18ftypmp42", "x", "video/mp4"),
        (b"\x00\x00\x00\x18ftypM4A ", "x", "audio/mp4"),
        (b"ID3\x04\x00", "x", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "x", "audio/mpeg"),
        (b"\x1f\x8b\x08\x00", "x.txt", "application/gzip"),
        (bytes(257) + b"ustar\x00", "x", "application/x-tar"),
        (b"SQLite format 3\x00", "x", "application/vnd.sqlite3"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old.doc", "application/msword"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old", "application/x-ole-storage"),
        (zipped("a.txt"), "a.zip", "application/zip"),
        (zipped("[Content_Types].xml", "word/document.xml"), "misnamed.zip", f"{OFFICE}wordprocessingml.document"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "a.docx", f"{OFFICE}spreadsheetml.sheet"),
        (zipped("a", first=b"application/epub+zip"), "book", "application/epub+zip"),
        (zipped("a", first=b"application/x-made-up"), "book", "application/zip"),
        (zipped("ppt/x"), "a.pptx", f"{OFFICE}presentationml.presentation"),
        (b"", "empty", "text/plain"),
        (b"plain words", "a.unknown", "text/plain"),
        (b"ID3 is how this note begins", "a.txt", "text/plain"),
        (b"BMW", "a.txt", "text/plain"),
        (b"a,b\n1,2\n", "a.CSV", "text/csv"),
        (b'{"a": 1}\n', "a.jsonl", "application/jsonl"),
        (b"# Title", "README.md", "text/markdown"),
        (b"\xef\xbb\xbf<!DOCTYPE html><p>", "a.txt", "text/html"),
        (b"<?xml version='1.0'?>\n<svg xmlns=''/>", "a.txt", "image/svg+xml"),
        (b"<?xml version='1.0'?><a/>", "a", "application/xml"),
        (b"\x00\x01\x02\x03", "a.txt", BINARY),
        (b"caf\xe9", "latin1.txt", "text/plain"),
        (b"caf\xe9;1\n", "old.csv", "text/csv"),
        (b"caf\xe9", "unknown", BINARY),
        (b"caf\xe9" * 200, "unknown", "text/plain"),
        (b"<!doctype html><p>caf\xe9", "old.html", "text/html"),
        (b"caf\xe9\x00", "latin1.txt", BINARY),
    ],
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
def test_content_speaks_first_and_the_name_only_where_that_is_open(head: bytes, name: str, kind: str) -> None:
    assert media_type_of(head, name) == kind


@pytest.mark.parametrize(
    ("declared", "kind"),
    [("application/x-mine", "application/x-mine"), ("text/html", BINARY), ("no type\r\nX: y", BINARY), ("", BINARY)],
)
def test_the_client_is_believed_where_nothing_else_is_known(declared: str, kind: str) -> None:
    assert media_type_of(b"\x00\x01\x02", "a", declared) == kind


@given(st.text(min_size=HEAD), st.sampled_from(["", "a", "a.", ".a", "a.csv"]))
def test_text_is_text_wherever_its_head_is_cut_off(text: str, name: str) -> None:
    clean = "".join(letter for letter in text if letter.isprintable()) + "é" * HEAD
    for cut in range(HEAD, HEAD - 4, -1):
        head = ("x" * (HEAD - cut) + clean).encode()[:HEAD]
        assert media_type_of(head, name) in ("text/plain", "text/csv")


@given(st.binary(max_size=HEAD), st.text(max_size=20), st.text(max_size=20))
def test_every_file_has_a_type_that_a_header_can_carry(head: bytes, name: str, declared: str) -> None:
    kind = media_type_of(head, name, declared)
    assert kind.isascii()
    assert kind.isprintable()
    assert kind.count("/") == 1

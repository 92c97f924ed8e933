"""Forms, however their bytes are cut into pieces."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.errors import InvalidRequest, TooLarge
from dinrail_server.disposition import attachment, disposition_of
from dinrail_server.multipart import boundary_of, read_parts

Field = tuple[str, str | None, bytes]

BOUNDARY = b"--edge"
NEAR = [b"\r\n", b"--", b"\r\n--", b"----edge", b"\r\n----edg", b"\n----edge", b"edge--", b"x", b"\r", b"-"]

contents = st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(NEAR), max_size=8).map(b"".join)).filter(
    lambda data: b"\r\n--" + BOUNDARY not in b"\r\n" + data
)
fields = st.lists(
    st.tuples(st.sampled_from(["file", "purpose", "a[b]"]), st.none() | st.sampled_from(["f.txt", "é"]), contents),
    max_size=5,
)


def written(found: Sequence[Field], preamble: bytes = b"") -> bytes:
    text = preamble
    for name, filename, content in found:
        head = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
        text += b"--%b\r\nContent-Disposition: %b\r\n\r\n%b\r\n" % (BOUNDARY, head.encode(), content)
    return text + b"--%b--\r\n" % BOUNDARY


async def parsed(body: bytes, cuts: Sequence[int] = (), *, skip: bool = False) -> list[Field]:
    edges = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    pieces = [body[start:stop] for start, stop in pairwise(edges)]

    async def read() -> bytes:
        return pieces.pop(0) if pieces else b""

    found: list[Field] = []
    async for part in read_parts(read, BOUNDARY):
        content = b"" if skip else b"".join([piece async for piece in part.content])
        found.append((part.name, part.filename, content))
    assert not pieces  # nothing is left that the next request could be mistaken for
    return found


@given(fields, st.lists(st.integers(0, 10_000), max_size=30))
async def test_what_was_written_is_read_wherever_the_pieces_end(found: list[Field], cuts: list[int]) -> None:
    assert await parsed(written(found), cuts) == found


@given(fields, st.lists(st.integers(0, 10_000), max_size=30))
async def test_what_nobody_reads_of_a_part_is_skipped(found: list[Field], cuts: list[int]) -> None:
    assert [part[:2] for part in await parsed(written(found), cuts, skip=True)] == [part[:2] for part in found]


@given(fields.filter(bool), st.integers(0, 10_000))
async def test_a_form_that_breaks_off_is_invalid(found: list[Field], at: int) -> None:
    whole = written(found)
    with pytest.raises(InvalidRequest):
        await parsed(whole[: at % (len(whole) - len(b"--\r\n"))])


async def test_what_stands_around_the_parts_does_not_matter() -> None:
    body = written([("a", None, b"1")], b"preamble\r\n").replace(b"--edge\r\n", b"--edge \t\r\n") + b"epilogue" * 1000
    assert await parsed(body) == [("a", None, b"1")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"----edgeX\r\n\r\n\r\n----edge--",
        b"----edge\r\nContent-Disposition: form-data\r\n\r\nx\r\n----edge--",
        b"----edge\r\n\r\nno headers\r\n----edge--",
        b"----edge\r\nno colon\r\n\r\nx\r\n----edge--",
    ],
)
async def test_what_is_no_form_is_invalid(body: bytes) -> None:
    with pytest.raises(InvalidRequest, match="multipart/form-data"):
        await parsed(body)


async def test_heads_and_the_number_of_parts_are_limited() -> None:
    with pytest.raises(TooLarge):
        await parsed(b"----edge\r\nX: " + b"x" * 20_000, range(0, 20_000, 100))
    with pytest.raises(TooLarge):
        await parsed(b"x" * 100_000, range(0, 100_000, 1000))
    with pytest.raises(TooLarge):
        await parsed(written([("a", None, b"")] * 1001))
    assert len(await parsed(written([("a", None, b"")] * 1000))) == 1000


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b;c"', b"a b;c"),
        ("multipart/form-data;boundary=----WebKitFormBoundary7MA4YWxk", b"----WebKitFormBoundary7MA4YWxk"),
        ('multipart/form-data; x="boundary=no"; boundary=yes', b"yes"),
    ],
)
def test_the_boundary_is_found(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type", ["", "multipart/form-data", "text/plain; boundary=a", "multipart/form-data; boundary="]
)
def test_a_type_without_a_boundary_is_invalid(content_type: str) -> None:
    with pytest.raises(InvalidRequest, match="boundary"):
        boundary_of(content_type)


@pytest.mark.parametrize(
    ("header", "name", "filename"),
    [
        ('form-data; name="a"', "a", None),
        ("form-data; name=a; filename=b.txt", "a", "b.txt"),
        ('form-data; name="a"; filename="x;y;z.txt"', "a", "x;y;z.txt"),
        ('form-data; filename="x; name=no"; name="a"', "a", "x; name=no"),
        ('form-data; name="a"; filename="q%22q%0D%0A.txt"', "a", 'q"q\r\n.txt'),
        ('form-data; name="a"; filename="q\\"q\\\\.txt"', "a", 'q"q\\.txt'),
        ('form-data; name="a"; filename="C:\\temp\\x.txt"', "a", "C:\\temp\\x.txt"),
        ('form-data; name="a"; filename="100%41.txt"', "a", "100%41.txt"),
        ('form-data; name="a"; filename="ends\\"', "a", "ends\\"),
        ('form-data; name="a"; filename="x"; filename*=UTF-8\'\'na%C3%AFve', "a", "naïve"),
        ('form-data; name="a"; filename="x"; filename*=iso-8859-1\'en\'%A3', "a", "£"),
        ('form-data; name="a"; filename="x"; filename*=utf-7\'\'%A3', "a", "x"),
        ('form-data; name="a"; filename="x"; filename*=UTF-8\'\'%FF', "a", "x"),
        ('form-data; name="a"; filename="', "a", ""),
        ("form-data", None, None),
        ("", None, None),
    ],
)
def test_names_are_read_however_clients_write_them(header: str, name: str | None, filename: str | None) -> None:
    assert disposition_of(header.encode()) == (name, filename)


def test_a_name_that_is_not_utf_8_is_taken_for_latin_1() -> None:
    assert disposition_of(b'form-data; name="a"; filename="caf\xe9"') == ("a", "café")


@given(st.binary(max_size=100))
def test_no_header_is_too_strange(header: bytes) -> None:
    disposition_of(header)
    disposition_of(b"form-data; name=" + header)


@given(st.text(max_size=60))
def test_a_name_that_is_handed_back_is_a_safe_header_and_can_be_read(name: str) -> None:
    header = attachment(name)
    assert header.isascii()
    assert header.isprintable()
    if name.isprintable() or not any("\ud800" <= letter <= "\udfff" for letter in name):
        assert disposition_of(header.encode())[1] == name

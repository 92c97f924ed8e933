"""What is read out of files of each kind, and how it is cut."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from pdfs import pdf

from dinrail_documents.reading.child import read
from dinrail_documents.reading.cutting import spans
from dinrail_documents.reading.kinds import kind_of
from dinrail_documents.reading.markup import markdown_of
from dinrail_sdk.confined.faults import ConfinedFault

PAGE = """<!doctype html><html><head><title>Tides &amp; moons</title><style>p {color: red}</style></head><body>
<h1>Spring <em>tides</em></h1><p>They come<br>twice a month.</p><script>var hidden = 1</script>
<ul><li>new moon<ul><li>darkest</li></ul></li><li>full moon</li></ul>
<table><tr><th>Harbour</th><th>Range</th></tr><tr><td>Saint-Malo</td><td>12 m</td></tr></table>
<pre>if moon:
    tide()</pre></body></html>"""


def found(tmp_path: Path, data: bytes | str, filename: str, media_type: str = "text/plain", **limits: int) -> Any:
    file = tmp_path / "document"
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    return read(str(file), filename, media_type, **{"max_pages": 100, "max_characters": 1_000_000, **limits})


def test_html_becomes_what_a_reader_sees(tmp_path: Path) -> None:
    page = found(tmp_path, PAGE, "tides.html", "text/html")
    assert page["metadata"] == {"title": "Tides & moons"}
    assert page["form"] == "markdown"
    assert page["text"] == (
        "# Spring tides\n\nThey come\ntwice a month.\n\n- new moon\n  - darkest\n- full moon\n\n"
        "| Harbour | Range |\n| --- | --- |\n| Saint-Malo | 12 m |\n\n```\nif moon:\n    tide()\n```\n"
    )


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<table><tr><th>Town<th>People<tr><td>Bergen<td>285000<tr><td>Turku<td>195000</table><p>End<p>of it",
            "| Town | People |\n| --- | --- |\n| Bergen | 285000 |\n| Turku | 195000 |\n\nEnd\n\nof it\n",
        ),
        (
            "<table><caption>Towns</caption><thead><tr><th>A</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>",
            "Towns\n\n| A |\n| --- |\n| 1 |\n",
        ),
        (
            "<table><tr><td>One</td><td><table><tr><td>A</td><td>B</td></tr></table></td><td>Three</td></tr></table>",
            "One\n\n| A | B |\n| --- | --- |\n\nThree\n",
        ),
        ("<table><tr><td><h1>Title</h1><p>Text</p></td><td>side</td></tr></table>", "# Title\n\nText\n\nside\n"),
        ("<table><tr><td><ul><li>a<li>b</ul></td><td><p>c</p><p>d</p></td></table>", "| a b | c d |\n| --- | --- |\n"),
        ("<html><head><title>T</title><body><p>No end of the head", "No end of the head\n"),
        ("<table><tr><td>No end at all", "| No end at all |\n| --- |\n"),
    ],
    ids=[
        "no end tags",
        "caption and head",
        "a table for layout",
        "headings in cells",
        "blocks in cells",
        "head",
        "end",
    ],
)
def test_tables_of_html_are_read_as_they_are_written(html: str, text: str) -> None:
    assert markdown_of(html)[0] == text


TAGS = st.sampled_from(["table", "tr", "td", "th", "thead", "p", "div", "ul", "li", "h2", "pre", "br", "head"])
PIECES = st.one_of(st.just(""), TAGS.map("<{}>".format), TAGS.map("</{}>".format))


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=25))
def test_no_word_of_a_page_is_lost_however_its_tags_stand(tags: list[str]) -> None:
    html = "<body>" + "".join(f"{tag}w{number}x " for number, tag in enumerate(tags) if tag != "<head>")
    text = markdown_of(html)[0]
    assert [f"w{number}x" for number, tag in enumerate(tags) if tag != "<head>" and f"w{number}x" not in text] == []


def test_a_table_s_rows_say_what_their_cells_are(tmp_path: Path) -> None:
    text = found(tmp_path, 'name;note\nAnn;"a; b"\nBob;\n', "people.csv", "text/csv")["text"]
    assert text == "name: Ann\nnote: a; b\n\nname: Bob\n"
    assert found(tmp_path, '"a, b, c";d\n1;2\n', "x.csv", "text/csv")["text"] == "a, b, c: 1\nd: 2\n"
    assert found(tmp_path, "sep=|\na|b\n1|2\n", "x.csv", "text/csv")["text"] == "a: 1\nb: 2\n"
    assert (
        found(tmp_path, "a\tb\n1\t2\t3\n", "x.tsv", "text/tab-separated-values")["text"] == "a: 1\nb: 2\ncolumn 3: 3\n"
    )


def test_json_keeps_its_words_and_its_order(tmp_path: Path) -> None:
    data = {"b": ["Grüße", 1.5], "a": {"c": None}}
    assert json.loads(found(tmp_path, json.dumps(data), "x.json", "application/json")["text"]) == data
    assert found(tmp_path, '{"a":"ü"}\n\n[1]\n', "x.jsonl", "application/jsonl")["text"] == '{"a": "ü"}\n\n[1]\n'


def test_code_keeps_its_indentation(tmp_path: Path) -> None:
    code = "class A:\n    def f(self):\n\treturn 1\n"
    document = found(tmp_path, code, "a.py", "text/x-python")
    assert (document["text"], document["form"]) == (code, "code")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_text_is_read_in_the_encoding_that_it_is_in(tmp_path: Path, encoding: str) -> None:
    assert found(tmp_path, "Grüße\r\naus Köln\r".encode(encoding), "a.txt")["text"] == "Grüße\naus Köln\n"


@pytest.mark.parametrize(
    ("text", "stated", "encoding"),
    [
        ("Zażółć gęślą jaźń", "iso-8859-2", "iso-8859-2"),
        ("東京は日本の首都です", "Shift_JIS", "shift_jis"),
        ("Дождь", "windows-1251", "cp1251"),
        ("Curly “quotes”", "ISO-8859-1", "cp1252"),
        ("Grüße", "base64", "cp1252"),
        ("Grüße", "nonsense", "cp1252"),
    ],
)
def test_a_page_is_read_in_the_encoding_that_it_states(tmp_path: Path, text: str, stated: str, encoding: str) -> None:
    page = f'<!doctype html><head><meta charset="{stated}"></head><p>{text}</p>'.encode(encoding)
    assert found(tmp_path, page, "a.html", "text/html")["text"] == f"{text}\n"


def test_a_pdf_has_pages(tmp_path: Path) -> None:
    document = found(
        tmp_path, pdf("The first page.\nIt is inter-\nesting.", "The second page."), "a.pdf", "application/pdf"
    )
    assert document["text"] == "The first page.\nIt is interesting.\n\nThe second page."
    assert document["pages"] == [0, document["text"].index("The second")]


@pytest.mark.parametrize(
    ("data", "filename", "media_type", "code"),
    [
        (b"%PDF-1.7 and then nothing", "a.pdf", "application/pdf", "invalid_file"),
        (pdf(""), "scan.pdf", "application/pdf", "invalid_file"),
        (pdf("a", "b", "c"), "long.pdf", "application/pdf", "invalid_file"),
        (b'{"a": ', "a.json", "application/json", "invalid_file"),
        (b"[" * 100_000, "deep.json", "application/json", "invalid_file"),
        (b"{}\nnonsense\n", "a.jsonl", "application/jsonl", "invalid_file"),
        (bytes(range(1, 32)) * 50, "a.txt", "text/plain", "unsupported_file"),
        (b'{"a": ' + b"9" * 5000 + b"}", "long.json", "application/json", "invalid_file"),
        (b" \n", "empty.txt", "text/plain", "invalid_file"),
        (b"", "empty.pdf", "text/plain", "invalid_file"),
        (b"\xff\xfea", "a.txt", "text/plain", "invalid_file"),
        (b"x" * 2000, "big.txt", "text/plain", "invalid_file"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_what_cannot_be_read_is_said_with_a_code(
    tmp_path: Path, data: bytes, filename: str, media_type: str, code: str
) -> None:
    with pytest.raises(ConfinedFault) as fault:
        found(tmp_path, data, filename, media_type, max_pages=2, max_characters=1000)
    assert fault.value.code == code
    assert fault.value.message.endswith(".")


def test_a_file_is_what_its_content_says() -> None:
    assert kind_of("application/pdf", "a.txt") == "pdf"
    assert kind_of("text/plain", "a.pdf") == "text"
    assert kind_of("text/plain", "a.rs") == "code"
    assert kind_of("application/octet-stream", "a.txt") is None
    assert kind_of("image/png", "a.md") is None


def test_markdown_is_cut_between_sections() -> None:
    sections = [f"## Part {number}\n\n" + f"Sentence of part {number}. " * 25 for number in range(8)]
    text = "\n\n".join(sections)
    chunks = [text[begin:end] for begin, end in spans(text, "markdown", 200, 0)]
    assert all(chunk.startswith("## Part") for chunk in chunks)


def test_chunks_of_code_begin_with_their_indentation() -> None:
    text = "class A:\n" + "\n\n".join(f"    def f{number}(self):\n        return {number}" for number in range(80))
    chunks = [text[begin:end] for begin, end in spans(text, "code", 100, 0)]
    assert len(chunks) > 5
    assert all(chunk.lstrip("\n").startswith(("class A", "    def")) for chunk in chunks)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=300), max_size=20),
    st.sampled_from(["text", "markdown", "code"]),
    st.sampled_from([(100, 0), (100, 50), (130, 20)]),
)
def test_chunks_cover_the_text_in_order(parts: list[str], form: str, sizes: tuple[int, int]) -> None:
    text = "\n\n".join(parts)
    covered = 0
    last = -1
    for begin, end in spans(text, form, *sizes):
        assert last < begin < end <= len(text)
        assert not text[covered:begin].strip()  # nothing but space is left out
        last, covered = begin, max(covered, end)
    assert not text[covered:].strip()


def test_a_word_without_end_is_cut_in_no_time() -> None:
    text = "start " + "a" * 300_000 + " end"
    assert text[: next(iter(spans(text, "text", 800, 400)))[1]].startswith("start")
    assert len(list(spans(text, "text", 800, 400))) >= 100

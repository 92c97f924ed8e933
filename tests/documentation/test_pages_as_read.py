"""The tutorial, the README and a page: files are written, commands run, and what is to be printed is printed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from markdown_pages import ROOT, Block, blocks
from reader import Reader

TUTORIAL = ROOT / "docs" / "tutorial" / "your-first-provider.md"
SEARCHING = ROOT / "docs" / "how-to" / "search-your-documents.md"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("reader"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="the pages use curl, and there is none here"),
]


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with closing(Reader(tmp_path)) as reader:
        yield reader


def test_the_tutorial_does_what_it_says(reader: Reader) -> None:
    begun = time.monotonic()
    for block in blocks(TUTORIAL.read_text(encoding="utf-8")):
        reader.follow(block)
    assert time.monotonic() - begun < 600, "It is called ten minutes."


def test_the_readme_does_what_it_says(reader: Reader) -> None:
    found = [block for block in blocks((ROOT / "README.md").read_text(encoding="utf-8")) if block.options]
    assert [block.options for block in found] == ["background", "run", "run"]
    for block in found:
        reader.follow(block)


def test_documents_are_searched_as_the_page_says(reader: Reader) -> None:
    found = [block for block in blocks(SEARCHING.read_text(encoding="utf-8")) if block.options]
    assert [block.options for block in found] == ["background", "file=handbook.md", "run"]
    for block in found:
        reader.follow(block)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("```console\n$ echo one\ntwo\n```", "expected"),
        ("```console\n$ false\n```", "false"),
        ("```console fails\n$ true\n```", "true"),
        ("```console background\n$ python -c 'print(1)'\nhttp://127.0.0.1:1\n```", "1"),
        ("```python file=p/src/x.py\nx = 1\n```", "p"),
        ("```python run\nraise SystemExit(3)\n```", "SystemExit"),
    ],
)
def test_a_page_that_does_not_do_what_it_says_is_found(text: str, complaint: str, reader: Reader) -> None:
    (block,) = blocks(text)
    with pytest.raises(AssertionError, match=complaint):
        reader.follow(block)


def test_what_is_shown_of_the_plugin_is_what_the_command_writes(reader: Reader, tmp_path: Path) -> None:
    """The page shows the test file without writing it, since the reader has it already."""
    found = list(blocks(TUTORIAL.read_text(encoding="utf-8")))
    (shown,) = [block.text for block in found if block.language == "python" and block.file is None]
    (command,) = [block for block in found if "dinrail new-plugin" in block.text]
    reader.follow(Block(command.language, "", command.text.partition("$ python")[0], command.line))
    assert (tmp_path / "dinrail-parrot" / "tests" / "test_conformance.py").read_text().strip() == shown.strip()

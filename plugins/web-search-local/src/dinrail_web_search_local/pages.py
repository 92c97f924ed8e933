"""Pages in files: their addresses, titles and texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlsplit

__all__ = ["KINDS", "Page", "passages", "read_pages"]

KINDS = frozenset({".htm", ".html", ".jsonl", ".md", ".txt"})
_HIDDEN = frozenset({"head", "nav", "noscript", "script", "style", "svg", "template"})
_BLOCKS = frozenset(
    {"article", "br", "dd", "div", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "section", "table"}
    | {"td", "th", "tr", "ul"}
)
_PASSAGE = 1_200
"""Characters of a passage, roughly."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page; the text's paragraphs are parted by empty lines."""

    url: str
    title: str
    text: str


def read_pages(file: Path, path: str, base_url: str) -> Iterator[Page]:
    """The pages in a file.

    Args:
        file: The file.
        path: Its place in the folder, with slashes.
        base_url: Where the folder is to be found.

    Raises:
        OSError: It cannot be read.
    """
    text = file.read_text(encoding="utf-8", errors="replace")
    url = f"{base_url.rstrip('/')}/{quote(path)}"
    match file.suffix.lower():
        case ".html" | ".htm":
            yield _html(text, url)
        case ".jsonl":
            yield from _lines(text, url)
        case _:
            yield _plain(text, url)


def passages(text: str) -> list[str]:
    """The text in pieces that go with the borders of its paragraphs, of sentences where a paragraph is too long."""
    found: list[str] = []
    held = ""
    for paragraph in re.split(r"\n\s*\n", text):
        for piece in _cut(paragraph.strip()):
            if held and len(held) + len(piece) > _PASSAGE:
                found.append(held)
                held = ""
            held = f"{held}\n\n{piece}" if held else piece
    return [*found, held] if held else found


def _cut(paragraph: str) -> Iterator[str]:
    while len(paragraph) > _PASSAGE:
        end = max(paragraph.rfind(mark, 0, _PASSAGE) for mark in (". ", "! ", "? ", "\n")) + 1
        if end < _PASSAGE // 3:
            end = paragraph.rfind(" ", 0, _PASSAGE) + 1 or _PASSAGE
        yield paragraph[:end].strip()
        paragraph = paragraph[end:].strip()
    if paragraph:
        yield paragraph


def _plain(text: str, url: str) -> Page:
    """Text or Markdown; ``url:`` and ``title:`` between two lines of ``---`` at its beginning are believed."""
    given: dict[str, str] = {}
    front = re.match(r"\A---\s*\n(.*?)\n---\s*\n", text, re.DOTALL)
    if front is not None:
        text = text[front.end() :]
        for line in front[1].splitlines():
            key, _, value = line.partition(":")
            given[key.strip().lower()] = value.strip().strip("\"'")
    title = given.get("title") or next((line.strip("# \t") for line in text.splitlines() if line.strip("# \t")), url)
    return Page(_address(given.get("url"), url), title[:500], text)


def _lines(text: str, url: str) -> Iterator[Page]:
    for number, line in enumerate(text.splitlines(), 1):
        try:
            given = json.loads(line)
            own, title, words = given["url"], given.get("title") or "", given["text"]
        except (ValueError, LookupError, TypeError, AttributeError):
            continue
        if isinstance(title, str) and isinstance(words, str):
            address = _address(own, f"{url}#{number}")
            yield Page(address, title[:500] or address, words)


def _html(text: str, url: str) -> Page:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    words = re.sub(r"[ \t\r\f\v\u00a0]+", " ", "".join(reader.text))
    words = re.sub(r" ?\n ?", "\n", words)
    return Page(_address(reader.canonical, url), " ".join("".join(reader.title).split())[:500] or url, words.strip())


def _address(own: object, url: str) -> str:
    """The page's own address where it tells one that is good."""
    if isinstance(own, str):
        try:
            parts = urlsplit(own)
        except ValueError:
            return url
        if parts.scheme in ("http", "https") and parts.hostname:
            return own
    return url


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.text: list[str] = []
        self.canonical: str | None = None
        self._hidden: list[str] = []
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and (given.get("rel") or "").lower() == "canonical":
            self.canonical = given.get("href")
        elif tag == "title":
            self._in_title = True
        elif tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in _BLOCKS:
            self.text.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        elif tag in _HIDDEN and tag in self._hidden:
            while self._hidden.pop() != tag:
                pass
        elif tag == "body":
            self._hidden.clear()
        elif tag in _BLOCKS:
            self.text.append("\n\n")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._hidden:
            self.text.append(data)

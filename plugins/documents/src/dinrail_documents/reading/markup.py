"""HTML to Markdown: what a reader sees, with headings, lists, tables and code kept."""

from __future__ import annotations

import re
from html.parser import HTMLParser

__all__ = ["markdown_of"]

_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select", "head"})
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hgroup",
        "hr",
        "html",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "ul",
    ]
)
_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_DEEPEST = 200


def markdown_of(html: str) -> tuple[str, dict[str, str]]:
    """The text as Markdown, and what the document says of itself."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    metadata = {"title": title} if (title := _SPACE.sub(" ", "".join(reader.title)).strip()) else {}
    return reader.text(), metadata


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self._out: list[str] = []
        self._line: list[str] = []
        self._prefix = ""
        self._unseen: list[str] = []
        self._in_title = False
        self._pre = 0
        self._lists: list[int | None] = []
        self._row: list[str] | None = None
        self._rows = 0

    def text(self) -> str:
        self._break()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._out)).strip() + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = True
        if self._unseen or tag in _UNSEEN:
            if tag in _UNSEEN and len(self._unseen) < _DEEPEST:
                self._unseen.append(tag)
            return
        if tag in _HEADINGS:
            self._paragraph()
            self._prefix = _HEADINGS[tag] + " "
        elif tag in ("ul", "ol"):
            self._break()
            if len(self._lists) < _DEEPEST:
                self._lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._begin_item()
        elif tag == "br":
            self._line.append("\n")
        elif tag == "table":
            self._paragraph()
            self._rows = 0
        elif tag == "tr":
            self._break()
            self._row = []
        elif tag in ("td", "th"):
            self._line = []
        elif tag == "pre":
            self._paragraph()
            self._out.append("```")
            self._pre += 1
        elif tag in _BLOCKS:
            self._paragraph()
        elif tag == "img" and (alternative := dict(attrs).get("alt")):
            self._line.append(alternative)

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if self._unseen:
            if tag in self._unseen:
                del self._unseen[self._unseen.index(tag) :]
            return
        if tag in ("ul", "ol"):
            self._break()
            if self._lists:
                self._lists.pop()
            if not self._lists:
                self._out.append("")
        elif tag in ("td", "th") and self._row is not None:
            self._row.append(_SPACE.sub(" ", "".join(self._line)).strip().replace("|", "\\|"))
            self._line = []
        elif tag == "tr" and self._row is not None:
            self._end_row(self._row)
        elif tag == "pre" and self._pre:
            self._break()
            self._pre -= 1
            self._out += ["```", ""]
        elif tag in _HEADINGS or tag in _BLOCKS:
            self._paragraph()
        elif tag == "li":
            self._break()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        if not self._unseen and not self._in_title:
            self._line.append(data if self._pre else _SPACE.sub(" ", data))

    def _begin_item(self) -> None:
        self._break()
        number = self._lists[-1] if self._lists else None
        if self._lists and number is not None:
            self._lists[-1] = number + 1
        mark = "- " if number is None else f"{number + 1}. "
        self._prefix = "  " * max(0, len(self._lists) - 1) + mark

    def _end_row(self, row: list[str]) -> None:
        self._row = None
        if row:
            self._out.append("| " + " | ".join(row) + " |")
            if self._rows == 0:
                self._out.append("|" + " --- |" * len(row))
            self._rows += 1

    def _paragraph(self) -> None:
        if self._row is not None:  # paragraphs inside of a cell stay in it
            self._line.append(" ")
            return
        self._break()
        if self._out and self._out[-1]:
            self._out.append("")

    def _break(self) -> None:
        text = "".join(self._line)
        self._line = []
        if self._pre:
            if text.strip("\n"):
                self._out.append(text.strip("\n"))
            return
        lines = [_SPACE.sub(" ", line).strip() for line in text.split("\n")]
        text = "\n".join(line for line in lines if line)
        if text:
            self._out.append(self._prefix + text)
            self._prefix = ""

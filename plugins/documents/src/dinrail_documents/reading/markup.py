"""HTML to Markdown: what a reader sees, with headings, lists, tables and code kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

__all__ = ["markdown_of"]

_UNSEEN = frozenset({"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "select", "head"})
_OF_HEADS = frozenset({"base", "link", "meta", "noscript", "script", "style", "template", "title"})
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
        "ul",
    ]
)
_OF_TABLES = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr", "td", "th"})
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


@dataclass(slots=True)
class _Table:
    """A table that is open.

    Attributes:
        cells: What the row that is open has so far; ``None`` between rows.
        in_cell: Whether a cell is open, of which the text is the line that is being written.
        rows: How many rows have been written.
        layout: Whether it only places what is in it: its cells are paragraphs, and no table.
    """

    cells: list[str] | None = None
    in_cell: bool = False
    rows: int = 0
    layout: bool = False


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
        self._tables: list[_Table] = []

    def text(self) -> str:
        while self._tables:
            self._end_in_table("table")
        self._break()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._out)).strip() + "\n"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title":
            self._in_title = True
        if self._unseen == ["head"] and tag not in _OF_HEADS:
            self._unseen.clear()  # its end need not stand there
        if self._unseen or tag in _UNSEEN:
            if tag in _UNSEEN and len(self._unseen) < _DEEPEST:
                self._unseen.append(tag)
            return
        if tag in _HEADINGS:
            self._place()  # what has headings in its cells is no table of data
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
        elif tag in _OF_TABLES:
            self._begin_in_table(tag)
        elif tag == "pre":
            self._paragraph()
            if not self._in_cell:
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
            if not self._lists and not self._in_cell:
                self._out.append("")
        elif tag in _OF_TABLES:
            self._end_in_table(tag)
        elif tag == "pre" and self._pre:
            self._break()
            self._pre -= 1
            if not self._in_cell:
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
        if self._in_cell:
            return
        self._prefix = "  " * max(0, len(self._lists) - 1) + mark

    @property
    def _in_cell(self) -> bool:
        """Whether what is read belongs to a cell that is one line of a table."""
        return bool(self._tables) and self._tables[-1].in_cell and not self._tables[-1].layout

    def _begin_in_table(self, tag: str) -> None:
        """A table, a row or a cell begins. The ends of cells and rows need not stand there."""
        if tag == "table":
            self._place()
            self._paragraph()
            if len(self._tables) < _DEEPEST:
                self._tables.append(_Table())
        elif self._tables and tag in ("td", "th"):
            self._end_cell()
            self._break()
            table = self._tables[-1]
            table.cells = table.cells or []
            table.in_cell = True
        else:
            self._end_row()
            self._break()

    def _end_in_table(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._end_cell()
            return
        self._end_row()
        if tag == "table" and self._tables:
            self._tables.pop()
        if tag in ("table", "caption"):
            self._paragraph()
        else:
            self._break()

    def _end_cell(self) -> None:
        table = self._tables[-1] if self._tables else None
        if table is None or not table.in_cell:
            return
        if table.layout or table.cells is None:
            self._paragraph()
        else:
            table.cells.append(_SPACE.sub(" ", "".join(self._line)).strip().replace("|", "\\|"))
            self._line = []
        table.in_cell = False

    def _end_row(self) -> None:
        self._end_cell()
        table = self._tables[-1] if self._tables else None
        if table is None:
            return
        if table.cells and not table.layout:
            self._break()
            self._out.append("| " + " | ".join(table.cells) + " |")
            if table.rows == 0:
                self._out.append("|" + " --- |" * len(table.cells))
            table.rows += 1
        table.cells = None

    def _place(self) -> None:
        """Take the table of the cell that is open, if one is, for one that only places what is in it."""
        if not self._in_cell:
            return
        table = self._tables[-1]
        table.layout = True
        line, self._line = self._line, []
        for cell in table.cells or ():
            self._line = [cell.replace("\\|", "|")]
            self._paragraph()
        self._line = line
        self._paragraph()

    def _paragraph(self) -> None:
        self._break()
        if self._out and self._out[-1] and not self._in_cell:
            self._out.append("")

    def _break(self) -> None:
        if self._in_cell:  # what a cell holds stays in it
            self._line.append(" ")
            self._prefix = ""
            return
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

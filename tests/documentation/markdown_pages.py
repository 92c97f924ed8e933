"""The pages of the documentation, and the blocks of code in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_PATTERNS = (
    "*.md",
    "changelog.d/*.md",
    "docs/**/*.md",
    "core/README.md",
    "plugin-sdk/README.md",
    "plugins/*/README.md",
    "benchmarks/README.md",
)
_FENCE = re.compile(r"( *)(`{3,})(\w*)(.*)")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        language: The word behind the fence.
        options: What else stands there: ``file=PATH``, ``run``.
        text: Its lines, dedented.
        line: The fence's line in the page, from 1.
    """

    language: str
    options: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that the block is, where it is one."""
        match = re.search(r"\bfile=(\S+)", self.options)
        return match[1] if match else None


def all_pages() -> list[Path]:
    return sorted({page for pattern in _PATTERNS for page in ROOT.glob(pattern)})


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page; one that is never closed ends with the page."""
    lines = text.splitlines()
    here = 0
    while here < len(lines):
        match = _FENCE.fullmatch(lines[here])
        here += 1
        if match is None:
            continue
        begin = here
        while here < len(lines) and lines[here].strip() != match[2]:
            here += 1
        yield Block(match[3], match[4].strip(), textwrap.dedent("\n".join(lines[begin:here])) + "\n", begin)
        here += 1


def prose(text: str) -> str:
    """A page without its blocks of code, line for line."""
    lines = text.splitlines()
    for block in blocks(text):
        for number in range(block.line - 1, block.line + len(block.text.splitlines()) + 1):
            if number < len(lines):
                lines[number] = ""
    return "\n".join(lines)

"""From docstrings in Google's style, with Sphinx's roles, to Markdown."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Mapping

__all__ = ["attribute_docs", "cell", "first_sentence", "inline", "markdown"]

_ROLE = re.compile(r":[a-z]+:`(~?)([^`]+)`")
_SECTION = re.compile(r"(Args|Attributes|Raises|Returns|Example|Yields):{1,2}")
_ENTRY = re.compile(r"([\w.]+): +(.*)")
_TITLES = {"Args": "Arguments"}


def inline(text: str) -> str:
    """Roles and double back quotes as Markdown has them."""

    def role(match: re.Match[str]) -> str:
        name = match[2].rpartition(".")[2] if match[1] else match[2]
        return f"`{name}`"

    return re.sub(r"``([^`]+)``", r"`\1`", _ROLE.sub(role, text))


def cell(text: str) -> str:
    """Text for one cell of a table."""
    return " ".join(inline(text).split()).replace("|", "\\|")


def first_sentence(text: str | None) -> str:
    """The first paragraph of a docstring on one line."""
    return " ".join(inline(inspect.cleandoc(text or "").partition("\n\n")[0]).split())


def markdown(docstring: str | None) -> str:
    """A whole docstring."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    found: list[str] = []
    while lines:
        line = lines.pop(0)
        section = _SECTION.fullmatch(line)
        if section is None and not line.endswith("::"):
            found.append(inline(line))
            continue
        block = _take_indented(lines)
        if line.endswith("::"):
            title = "**Example**" if section else inline(line.removesuffix("::")) + (":" if line != "::" else "")
            found += [title, "", "```python", *block, "```", ""]
        else:
            assert section is not None
            found += [f"**{_TITLES.get(section[1], section[1])}**", "", *_entries(block), ""]
    return "\n".join(found).strip()


def _take_indented(lines: list[str]) -> list[str]:
    """Take the indented block from the front of ``lines``."""
    taken: list[str] = []
    while lines and (not lines[0].strip() or lines[0].startswith(" ")):
        taken.append(lines.pop(0))
    return textwrap.dedent("\n".join(taken)).strip("\n").splitlines()


def _entries(block: list[str]) -> list[str]:
    """``name: text`` with further lines indented, as a list; a paragraph stays one."""
    found: list[str] = []
    for line in block:
        entry = _ENTRY.fullmatch(line)
        if entry is not None and not line.startswith(" "):
            found.append(f"- `{entry[1]}`: {inline(entry[2])}")
        else:
            found.append(inline(f"  {line.strip()}" if found and found[-1].startswith(("- ", "  ")) else line))
    return found


def attribute_docs(kind: type) -> Mapping[str, str]:
    """The strings that stand below the attributes of a class and its bases, by attribute.

    Read from the source, so that no class has to keep them at run time.
    """
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith(("builtins", "pydantic", "typing", "abc")):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(definition, ast.ClassDef)
        for attribute, below in zip(definition.body, definition.body[1:], strict=False):
            if isinstance(attribute, ast.AnnAssign) and isinstance(attribute.target, ast.Name):
                match below:
                    case ast.Expr(value=ast.Constant(value=str(text))):
                        found[attribute.target.id] = " ".join(text.split())
    return found

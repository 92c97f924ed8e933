"""JSON and tables to text in which every piece says what it belongs to."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["json_text", "jsonl_text", "table_text"]

_QUOTED = re.compile(r'"[^"]*"')


def json_text(text: str) -> str:
    """The same JSON, a value a line.

    Raises:
        ConfinedFault: It is none, or goes too far.
    """
    return _again(text, "The file", indent=2) + "\n"


def jsonl_text(text: str) -> str:
    """The same values, each as JSON of its own.

    Raises:
        ConfinedFault: A line is none, or goes too far.
    """
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            found.append(_again(line, f"Line {number} of the file"))
    return "\n\n".join(found) + "\n"


def table_text(text: str, delimiter: str | None) -> str:
    """A paragraph for each row, of lines ``column: value``.

    Args:
        text: The table.
        delimiter: What stands between cells; found out where not given.

    Raises:
        ConfinedFault: It is none.
    """
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # as spreadsheets have it
        delimiter, text = first.strip()[4], rest
    if delimiter is None:
        unquoted = _QUOTED.sub("", text.split("\n", 1)[0])
        delimiter = max(",;\t|", key=unquoted.count)
    csv.field_size_limit(10_000_000)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)]
    except csv.Error:
        raise ConfinedFault("invalid_file", "The file is no table of separated values.") from None
    if len(rows) < 2:
        return "\n".join(", ".join(row) for row in rows) + "\n"
    names = [name.strip() or f"column {number}" for number, name in enumerate(rows[0], 1)]
    return "\n\n".join(_row(names, row) for row in rows[1:]) + "\n"


def _again(text: str, what: str, **form: Any) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, **form)
    except json.JSONDecodeError:
        raise ConfinedFault("invalid_file", f"{what} is no valid JSON.") from None
    except RecursionError:
        raise ConfinedFault("invalid_file", f"{what} is JSON that is nested too deep.") from None
    except ValueError:  # Python's limit of digits
        raise ConfinedFault("invalid_file", f"{what} holds a number that is too long.") from None


def _row(names: list[str], row: list[str]) -> str:
    names = names + [f"column {number}" for number in range(len(names) + 1, len(row) + 1)]
    return "\n".join(f"{name}: {cell.strip()}" for name, cell in zip(names, row, strict=False) if cell.strip())

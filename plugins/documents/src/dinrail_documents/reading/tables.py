"""JSON and tables to text in which every piece says what it belongs to."""

from __future__ import annotations

import csv
import io
import json

from dinrail_sdk.confined.faults import ConfinedFault

__all__ = ["json_text", "jsonl_text", "table_text"]


def json_text(text: str) -> str:
    """The same JSON, a value a line.

    Raises:
        ConfinedFault: It is none.
    """
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"
    except (ValueError, RecursionError):
        raise ConfinedFault("invalid_file", "The file is no valid JSON.") from None


def jsonl_text(text: str) -> str:
    """The same values, each as JSON of its own.

    Raises:
        ConfinedFault: A line is none.
    """
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                found.append(json.dumps(json.loads(line), ensure_ascii=False))
            except (ValueError, RecursionError):
                raise ConfinedFault("invalid_file", f"Line {number} of the file is no valid JSON.") from None
    return "\n\n".join(found) + "\n"


def table_text(text: str, delimiter: str | None) -> str:
    """A paragraph for each row, of lines ``column: value``.

    Args:
        text: The table.
        delimiter: What stands between cells; found out where not given.

    Raises:
        ConfinedFault: It is none.
    """
    if delimiter is None:
        first = text.split("\n", 1)[0]
        delimiter = max(",;\t|", key=first.count)
    csv.field_size_limit(10_000_000)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)]
    except csv.Error:
        raise ConfinedFault("invalid_file", "The file is no table of separated values.") from None
    if len(rows) < 2:
        return "\n".join(", ".join(row) for row in rows) + "\n"
    names = [name.strip() or f"column {number}" for number, name in enumerate(rows[0], 1)]
    return "\n\n".join(_row(names, row) for row in rows[1:]) + "\n"


def _row(names: list[str], row: list[str]) -> str:
    names = names + [f"column {number}" for number in range(len(names) + 1, len(row) + 1)]
    return "\n".join(f"{name}: {cell.strip()}" for name, cell in zip(names, row, strict=False) if cell.strip())

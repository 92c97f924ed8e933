"""Figures and how they came out: a table for people, JSON for programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

__all__ = ["Result", "Verdict", "table", "write_json"]


class Verdict(Enum):
    """How a figure came out."""

    MET = "met"
    MISSED = "MISSED"
    NOT_MEASURED = "NOT MEASURED"
    NO_LIMIT = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One figure.

    Attributes:
        name: What ``--only`` takes.
        title: One line.
        unit: Of the limit and of what was measured.
        limit: The most that is allowed; ``None`` for a figure that is only told.
        at_least: The limit is the least that is allowed.
        measured: ``None`` where it could not be measured.
        note: What it was made from, or why it could not be measured.
        samples: One value a round.
    """

    name: str
    title: str
    unit: str
    limit: float | None
    at_least: bool = False
    measured: float | None = None
    note: str = ""
    samples: Sequence[float] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """Whether the limit holds."""
        if self.measured is None:
            return Verdict.NOT_MEASURED
        if self.limit is None:
            return Verdict.NO_LIMIT
        holds = self.measured >= self.limit if self.at_least else self.measured <= self.limit
        return Verdict.MET if holds else Verdict.MISSED


def table(results: Sequence[Result]) -> str:
    """The figures, one a line."""
    rows = [("figure", "limit", "measured", "verdict", "made from")]
    for result in results:
        limit = (
            "" if result.limit is None else f"{'≥' if result.at_least else '≤'} {_number(result.limit, result.unit)}"
        )
        measured = "" if result.measured is None else _number(result.measured, result.unit)
        rows.append((result.title, limit, measured, result.verdict.value, result.note))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in (1, 2)), row[3].ljust(widths[3]), row[4]]
        )
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in (lines[0], "-" * len(lines[0]), *lines[1:]))


def write_json(file: Path, results: Sequence[Result], settings: dict[str, Any]) -> None:
    """Write the figures with all their samples, and what they were taken on."""
    data = {
        "machine": {
            "python": platform.python_version(),
            "system": platform.platform(),
            "processor": platform.machine(),
        },
        "settings": settings,
        "figures": [asdict(result) | {"verdict": result.verdict.name.lower()} for result in results],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(data, indent=2) + "\n")


def _number(value: float, unit: str) -> str:
    digits = 0 if value == int(value) and value >= 10 else 2 if value < 10 else 1
    return f"{value:.{digits}f} {unit}"

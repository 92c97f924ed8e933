"""What all experiments share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Process
from benchmarks.subjects import Subject

__all__ = ["Bench", "spread"]


@dataclass(frozen=True)
class Bench:
    """What the experiments share.

    Attributes:
        relay: The yardstick.
        server: What is measured.
        bundle: The same server with the models that it finds on this machine, where there is one.
        upstream: What both of them ask.
        folder: For logs and whatever else is written.
        rounds: How often each figure is taken.
        scale: How much of the usual load is applied; 1.0 for a full run.
        say: Told what goes on.
    """

    relay: Subject
    server: Subject
    bundle: Subject | None
    upstream: Process
    folder: Path
    rounds: int
    scale: float
    say: Callable[[str], None]

    def amount(self, usual: int) -> int:
        """The load of this run."""
        return max(3, round(usual * self.scale))


def spread(values: Sequence[float]) -> str:
    """The smallest and the largest, for a note."""
    return f"{min(values):.2f} to {max(values):.2f}"

"""Takes the figures and says which limits hold."""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvloop

from benchmarks.bench import Bench
from benchmarks.hanging import HANGING, measure_hanging
from benchmarks.mcp_turn import measure_mcp_turn
from benchmarks.memory import measure_held_streams, measure_idle_memory
from benchmarks.processes import Process
from benchmarks.report import Result, Verdict, table, write_json
from benchmarks.responding import RESPONDING, measure_responding
from benchmarks.retrieving import RETRIEVING, measure_retrieving
from benchmarks.searching import SEARCHES, measure_search
from benchmarks.starts import measure_start
from benchmarks.storing import STORING, measure_store
from benchmarks.subjects import ROOT, Subject, bare_relay, dinrail, start_upstream
from benchmarks.throughput import THROUGHPUT, measure_throughput
from benchmarks.translating import TRANSLATING, measure_translating

__all__ = ["NAMES", "Options", "main", "measure"]

_START = ("start", "start-plugins", "start-others")
_IDLE = ("idle-memory",)
_TURN = ("mcp-turn",)
_HELD = ("held-streams", "upstreams-closed")

_FIGURES = (
    *TRANSLATING,
    *HANGING,
    *_START,
    *_IDLE,
    *STORING,
    *RESPONDING,
    *_TURN,
    *SEARCHES,
    *RETRIEVING,
    *_HELD,
)
NAMES = (*(figure.name for figure in THROUGHPUT), *_FIGURES)
"""What ``--only`` takes."""


@dataclass(frozen=True)
class Options:
    """What is taken, how thoroughly, and of what."""

    names: Sequence[str] = NAMES
    rounds: int = 5
    scale: float = 1.0
    command: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Returns:
        0 where every limit holds, 1 where one is missed, 2 where a figure could not be taken.
    """
    parsed = _parser().parse_args(arguments)
    options = Options(
        names=parsed.only or NAMES,
        rounds=parsed.rounds or (1 if parsed.quick else 5),
        scale=0.1 if parsed.quick else 1.0,
        command=parsed.command,
    )
    results = uvloop.run(_run(options))
    print(table(results))
    write_json(parsed.json, results, {"rounds": options.rounds, "scale": options.scale})
    print(f"\nAll samples: {parsed.json}")
    verdicts = {result.verdict for result in results}
    return 2 if Verdict.NOT_MEASURED in verdicts else 1 if Verdict.MISSED in verdicts else 0


async def measure(bench: Bench, names: Sequence[str]) -> list[Result]:
    """Take the named figures, those that are taken together in one go."""
    throughput = [figure for figure in THROUGHPUT if figure.name in names]
    experiments: list[tuple[Sequence[str], Callable[[], Awaitable[list[Result]]]]] = [
        ([figure.name for figure in throughput], lambda: measure_throughput(bench, throughput)),
        (TRANSLATING, lambda: measure_translating(bench, names)),
        (HANGING, lambda: measure_hanging(bench)),
        (_START, lambda: measure_start(bench)),
        (_IDLE, lambda: measure_idle_memory(bench)),
        (STORING, lambda: measure_store(bench, [name for name in STORING if name in names])),
        (RESPONDING, lambda: measure_responding(bench, [name for name in RESPONDING if name in names])),
        (_TURN, lambda: measure_mcp_turn(bench)),
        *(([name], partial(measure_search, bench, name)) for name in SEARCHES),
        (RETRIEVING, lambda: measure_retrieving(bench)),
        (_HELD, lambda: measure_held_streams(bench)),
    ]
    results: list[Result] = []
    for taken, take in experiments:
        asked = [name for name in taken if name in names]
        if not asked:
            continue
        try:
            results += await take()
        except Exception as error:  # one figure that fails must not cost the others; it is told, and fails the run
            note = f"{type(error).__name__}: {error}"
            results += [Result(name=name, title=name, unit="", limit=None, note=note) for name in asked]
    return results


async def _run(options: Options) -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="dinrail-benchmarks-") as name:
        folder = Path(name)
        async with start_upstream(folder) as upstream:
            bench = Bench(
                relay=bare_relay(upstream),
                server=_server(options.command, upstream, folder),
                bundle=None if options.command else dinrail(upstream, folder, name="bundle", local_models=True),
                upstream=upstream,
                folder=folder,
                rounds=options.rounds,
                scale=options.scale,
                say=lambda line: print(line, file=sys.stderr, flush=True),
            )
            return await measure(bench, options.names)


def _server(command: str | None, upstream: Process, folder: Path) -> Subject:
    if command is None:
        return dinrail(upstream, folder)
    return Subject("command", [word.replace("{upstream}", upstream.url) for word in shlex.split(command)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, help="how often each figure is taken (5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the load, one round: to see that it runs")
    parser.add_argument(
        "--command",
        help="measure what this starts instead; {upstream} in it is the upstream's address, and it prints its own",
    )
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "benchmarks.json", help="where samples go")
    return parser


if __name__ == "__main__":
    sys.exit(main())

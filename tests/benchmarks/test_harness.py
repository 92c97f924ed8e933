"""The benchmarks see what they are there to see. What they say of the server itself is no test: machines are noisy."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FAULTY = Path(__file__).with_name("faulty_relay.py")


def take(figure: str, folder: Path, *options: str) -> tuple[int, str, dict[str, Any]]:
    """Take one figure; the exit code, what was printed, and the figures that came of it by name."""
    results = folder / "results.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--only", figure, "--json", results, *options],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
        timeout=100,
    )
    assert results.exists(), done.stderr
    figures = json.loads(results.read_text())["figures"]
    assert all(found["title"] in done.stdout for found in figures)
    return done.returncode, done.stdout, {found["name"]: found for found in figures}


def faulty(fault: str) -> tuple[str, str]:
    """The option that puts the faulty relay in the server's place."""
    return "--command", shlex.join([sys.executable, str(FAULTY), fault]) + " {upstream}"


pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("figure", "fault", "at_least"),
    [
        ("chat", "slow", 2.0),
        ("embeddings-base64", "slow", 1.5),
        ("start", "lazy", 2.0),
        ("idle-memory", "fat", 100.0),
    ],
)
def test_a_server_that_costs_too_much_is_flagged(figure: str, fault: str, at_least: float, tmp_path: Path) -> None:
    code, _, taken = take(figure, tmp_path, *faulty(fault))
    assert code == 1
    assert taken[figure]["verdict"] == "missed"
    assert taken[figure]["measured"] > at_least


def test_memory_of_streams_and_upstreams_that_stay_open_are_counted(tmp_path: Path) -> None:
    """The bare relay does not notice that its client has left until it has something to write."""
    code, _, taken = take("upstreams-closed", tmp_path, *faulty("hungry"))
    assert code == 1
    assert taken["upstreams-closed"]["verdict"] == "missed"
    assert taken["upstreams-closed"]["measured"] == 0
    assert taken["held-streams"]["verdict"] == "missed"
    assert taken["held-streams"]["measured"] > 95


def test_a_wrong_answer_is_no_measurement(tmp_path: Path) -> None:
    code, _, taken = take("chat", tmp_path, *faulty("garbled"))
    assert code == 2
    assert taken["chat"]["verdict"] == "not_measured"
    assert "WrongAnswer" in taken["chat"]["note"]


@pytest.mark.parametrize("figure", ["chat", "stream"])
def test_the_bare_relay_costs_about_what_the_bare_relay_costs(figure: str, tmp_path: Path) -> None:
    """Wide bounds: only a harness that mixes up the two, or counts the wrong process, is outside."""
    code, _, taken = take(figure, tmp_path, *faulty("none"))
    assert code in (0, 1)
    assert 0.3 < taken[figure]["measured"] < 3.0


def test_a_server_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    command = shlex.join([sys.executable, "-c", "raise SystemExit('no such cabinet')"])
    code, said, taken = take("chat", tmp_path, "--command", command)
    assert code == 2
    assert "no such cabinet" in said
    assert taken["chat"]["verdict"] == "not_measured"


def test_the_server_is_measured_and_lets_every_upstream_go(tmp_path: Path) -> None:
    code, _, taken = take("chat", tmp_path, "--only", "upstreams-closed")
    assert code in (0, 1)
    assert taken["chat"]["measured"] > 0.1
    assert taken["held-streams"]["measured"] > 0.1
    assert taken["upstreams-closed"]["measured"] == taken["upstreams-closed"]["limit"] == 100


def test_what_storing_costs_is_measured(tmp_path: Path) -> None:
    others = ("store-conversation", "store-item", "store-completion")
    code, _, taken = take("store", tmp_path, *(word for name in others for word in ("--only", name)))
    assert code in (0, 1), taken
    for name in ("store", *others):
        assert 0 < taken[name]["measured"] < 20, f"{name}: keeping something costs more than keeping nothing"


def test_translated_streams_and_chats_beside_calls_that_hang_are_measured(tmp_path: Path) -> None:
    code, _, taken = take("stream-cohere", tmp_path, "--only", "hanging")
    assert code in (0, 1), taken
    for name in ("stream-cohere", "hanging"):
        assert 0.3 < taken[name]["measured"] < 10, name

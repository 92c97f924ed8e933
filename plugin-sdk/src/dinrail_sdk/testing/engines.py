"""Real engines for a plugin's tests: found where they were installed apart, started, and ended.

An engine is too large for every run, so its tests carry the mark ``engine``. It is either named by its address, in
``DINRAIL_ENGINE_VLLM`` with the model to be asked in ``DINRAIL_ENGINE_VLLM_MODEL``, or stands in an environment of its
own below ``DINRAIL_ENGINES`` (``build/engines/vllm``), from which a test starts it.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dinrail_sdk.testing import random_models

__all__ = ["Engine", "free_port", "given_engine", "installed_engine", "running_engine", "write_random_model"]

_KEPT = ("PATH", "LANG", "TMPDIR")
"""What an engine keeps of the environment: no key and no proxy. It must not look for models elsewhere either."""
_OFFLINE = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "VLLM_NO_USAGE_STATS": "1"}


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers.

    Attributes:
        url: Its address, as the provider's configuration wants it.
        model: What it is asked for.
    """

    url: str
    model: str


def given_engine(name: str) -> Engine | None:
    """The engine that runs already and was named by the environment.

    Args:
        name: ``vllm``; the variables have it in capitals, ``-`` as ``_``.
    """
    variable = _variable(name)
    url, model = os.environ.get(variable), os.environ.get(f"{variable}_MODEL")
    if url and not model:
        pytest.fail(f"{variable} is set and {variable}_MODEL is not: which model is to be asked?")
    return Engine(url, model) if url and model else None


def installed_engine(name: str) -> Path:
    """The Python of an engine's own environment; skips the tests where there is none, and says so.

    Args:
        name: ``vllm``: the folder below ``DINRAIL_ENGINES`` (``build/engines``).
    """
    python = Path(os.environ.get("DINRAIL_ENGINES", "build/engines")).absolute() / name / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{name.upper()} IS NOT TRIED: neither {python.parents[1]} is there nor {_variable(name)} set")
    return python


def free_port() -> int:
    """A port of this machine on which nobody listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def write_random_model(python: Path, kind: str, folder: Path) -> Path:
    """A model with random weights, written by an engine's own libraries.

    Args:
        python: Of the engine's environment.
        kind: One of those of :mod:`dinrail_sdk.testing.random_models`.
        folder: Where it goes, below its kind.

    Raises:
        AssertionError: It cannot be made; with what the program said.
    """
    target = folder / kind
    made = subprocess.run([python, random_models.__file__, kind, target], capture_output=True, text=True, check=False)
    assert made.returncode == 0, f"No model of the kind {kind} can be made:\n{made.stderr[-3000:]}"
    return target


@contextmanager
def running_engine(
    command: Sequence[str | Path],
    ready: str,
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    within: float = 300.0,
) -> Iterator[None]:
    """Run an engine until the block is left.

    Args:
        command: Its program and arguments.
        ready: An address that is answered with 2xx when it can be asked.
        folder: Its working directory and home; what it prints goes to ``engine.log`` there.
        environment: More variables.
        within: Seconds that it may take to start.

    Raises:
        AssertionError: It ends, or is not ready in time; with the end of what it printed.
    """
    log = folder / "engine.log"
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    variables = {**kept, "HOME": str(folder), **_OFFLINE, **(environment or {})}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in command], cwd=folder, env=variables, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            _wait(process, ready, time.monotonic() + within, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], ready: str, until: float, log: Path) -> None:
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(ready, timeout=5):  # noqa: S310  # an address of this machine, from a test
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    told = "ended" if process.poll() is not None else "is not ready in time"
    raise AssertionError(f"The engine {told}:\n{log.read_text(errors='replace')[-3000:]}")


def _variable(name: str) -> str:
    return f"DINRAIL_ENGINE_{name.upper().replace('-', '_')}"

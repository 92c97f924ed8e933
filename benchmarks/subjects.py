"""What is measured: the bare relay and the server, each as a command with the environment that it gets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.processes import Process, start

__all__ = ["ROOT", "Subject", "bare_relay", "dinrail", "start_upstream"]

ROOT = Path(__file__).resolve().parent.parent

RELAY_PROVIDER = "openai-compatible"
"""The provider type whose instance hands bytes through."""
INSTANCE = "up"

_DETECTED = """
import os
from pathlib import Path
from dinrail_core.host import Plan, load_settings
plan = Plan(load_settings(Path(os.devnull), os.environ), os.environ)
print(*sorted({instance.plugin.name for instance in plan.instances.values()}))
"""

_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")
"""What a subject keeps of the environment. No ``PYTHON…`` variable: one of them keeps byte code from being written, and
the start would be measured with compiling. None of the keys by which providers are detected either."""


@dataclass(frozen=True)
class Subject:
    """Something that answers ``/v1/chat/completions`` by asking the upstream.

    Attributes:
        name: For the report.
        command: The program and its arguments.
        paths: Folders on ``PYTHONPATH``.
    """

    name: str
    command: Sequence[str]
    paths: Sequence[Path] = ()

    def start(self, folder: Path) -> AbstractAsyncContextManager[Process]:
        """Start it; its standard error stream goes to a file in ``folder``."""
        return start(self.command, folder / f"{self.name}.log", _environment(folder, self.paths), folder)

    def with_paths(self, name: str, *paths: Path) -> Subject:
        """The same with more that is importable."""
        return replace(self, name=name, paths=(*self.paths, *paths))


def bare_relay(upstream: Process, programs: Path = Path(sys.executable).parent) -> Subject:
    """The yardstick, run by the Python of an environment."""
    script = Path(__file__).with_name("relay.py")
    return Subject("relay", [str(programs / "python"), "-P", str(script), f"{upstream.url}"])


def dinrail(
    upstream: Process,
    folder: Path,
    *,
    name: str = "dinrail",
    local_models: bool = False,
    data: str = "data",
    enable: Iterable[str] = (),
    disable: Iterable[str] = (),
    more: Mapping[str, Mapping[str, Any]] | None = None,
    programs: Path = Path(sys.executable).parent,
) -> Subject:
    """The whole server as installed, with its access log, in front of one relaying instance.

    Args:
        upstream: What the instance relays to.
        folder: Where configuration and data go.
        name: For the report.
        local_models: Whether plugins stay enabled whose models were found on this machine.
        data: The folder of its data.
        enable: Plugins that it lets extend it.
        disable: Plugins that are off as well.
        more: Instances beside the relaying one, by their names: what the configuration says of each.
        programs: The folder of programs of its environment.
    """
    file = folder / f"{name}.toml"
    off = [*disable, *(() if local_models else _with_models_of_their_own(programs))]
    file.write_text(_configuration(upstream.url, folder / data, enable, off) + _instances(more or {}))
    return Subject(name, [str(programs / "dinrail"), "serve", "--port", "0", "--config", str(file)])


def start_upstream(
    folder: Path, module: str = "benchmarks.upstream", *words: str
) -> AbstractAsyncContextManager[Process]:
    """Start a scripted model server: a program of this folder, with its arguments."""
    command = [sys.executable, "-m", module, *words]
    return start(command, folder / f"{'-'.join(('upstream', *words))}.log", _environment(folder, [ROOT]), folder)


def _configuration(upstream: str, data: Path, enabled: Iterable[str], disabled: Iterable[str]) -> str:
    on, off = (", ".join(f'"{name}"' for name in names) for names in (enabled, disabled))
    return f"""\
data_dir = "{data}"

[plugins]
enable = [{on}]
disable = [{off}]

[providers.{INSTANCE}]
type = "{RELAY_PROVIDER}"
base_url = "{upstream}/v1"
"""


def _instances(instances: Mapping[str, Mapping[str, Any]]) -> str:
    """Tables of the configuration; strings and lists of them are the same in TOML and in JSON."""
    return "".join(
        f"\n[providers.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
        for name, table in instances.items()
    )


@cache
def _with_models_of_their_own(programs: Path) -> tuple[str, ...]:
    """The plugins that find something to serve on this machine without being configured, which no relay does."""
    command = [str(programs / "python"), "-c", _DETECTED]
    environment = _environment(Path(os.devnull), ())
    return tuple(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split())


def _environment(folder: Path, paths: Sequence[Path]) -> Mapping[str, str]:
    variables = {name: os.environ[name] for name in _KEPT if name in os.environ}
    variables["HOME"] = str(folder)
    if paths:
        variables["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    return variables

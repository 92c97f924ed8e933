from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Program

BACKEND = """
import zipfile
from pathlib import Path

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "cli_built-2.0-py3-none-any.whl"
    info = "cli_built-2.0.dist-info"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        wheel.writestr("cli_built.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.4\\nName: cli-built\\nVersion: 2.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/entry_points.txt", "[dinrail]\\nbuilt = cli_built\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


def write_wheel(folder: Path, name: str, version: str) -> None:
    folder.mkdir(exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    with zipfile.ZipFile(folder / f"{stem}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name.replace('-', '_')}.py", "")
        wheel.writestr(f"{stem}.dist-info/METADATA", f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{stem}.dist-info/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip takes for the package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


# --- freeze


def test_plugins_and_all_that_they_need_are_pinned_in_order(program: Program) -> None:
    program.distribution("dinrail", "0.1.0", "", ["cli_echo>=1", "Some.Library>=2"])
    program.distribution("cli-echo", "1.2", "[dinrail]\necho = echo\n", ["needed"])
    program.distribution("needed", "3.0", "", ["deeper (>=1); python_version > '3'"])
    program.distribution("deeper", "4.0")
    program.distribution("Some.Library", "5.0")
    program.distribution("unrelated", "6.0")
    done = program("plugins", "freeze")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "cli-echo==1.2",
        "deeper==4.0",
        "dinrail==0.1.0",
        "needed==3.0",
        "some-library==5.0",
    ]


def test_what_an_extra_needs_is_pinned_where_the_extra_is_asked_for(program: Program) -> None:
    program.distribution("cli-echo", "1.0", "[dinrail]\necho = echo\n", ["kit[sql, s3]>=1", "plain"])
    program.distribution(
        "kit",
        "1.0",
        "",
        [
            "base",
            "database; extra == 'sql'",
            'store ; python_version > "3" and extra == "S3"',
            "rest; extra == 'rest'",
            "kit[deep]; extra == 'sql'",
            "deep; extra == 'deep'",
        ],
    )
    program.distribution("plain", "1.0", "", ["optional; extra == 'sql'"])
    for name in ("base", "database", "store", "rest", "deep", "optional"):
        program.distribution(name, "1.0")
    names = {line.partition("==")[0] for line in program("plugins", "freeze").out.split()}
    assert names == {"cli-echo", "kit", "plain", "base", "database", "store", "deep"}


def test_requirements_that_are_not_installed_are_left_out(program: Program) -> None:
    program.distribution("cli-echo", "1.0", "[dinrail]\necho = echo\n", ["windows-only; sys_platform == 'win32'"])
    assert program("plugins", "freeze").out == "cli-echo==1.0\n"


def test_requirements_in_a_circle_end(program: Program) -> None:
    program.distribution("cli-echo", "1.0", "[dinrail]\necho = echo\n", ["other"])
    program.distribution("other", "1.0", "", ["cli-echo"])
    assert program("plugins", "freeze").out.split() == ["cli-echo==1.0", "other==1.0"]


def test_freezing_runs_no_plugins_code(program: Program) -> None:
    program.install("bomb", "raise SystemExit('imported')")
    assert program("plugins", "freeze").out == "cli-bomb==1.2.3\n"
    assert not program.imported("bomb")


# --- bundle


def test_a_bundle_installs_without_an_index_on_another_machine(program: Program, index: Path, tmp_path: Path) -> None:
    write_wheel(index, "cli-echo", "1.0")
    write_wheel(index, "cli-echo", "9.9")
    write_wheel(index, "needed", "3.0")
    program.distribution("cli-echo", "1.0", "[dinrail]\necho = echo\n", ["needed", "cli-built"])
    program.distribution("needed", "3.0")
    source = tmp_path / "a source"
    source.mkdir()
    (source / "backend.py").write_text(BACKEND)
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    built = program.distribution("cli-built", "2.0", "[dinrail]\nbuilt = cli_built\n")
    (built / "direct_url.json").write_text(json.dumps({"url": source.as_uri(), "dir_info": {"editable": True}}))

    done = program("plugins", "bundle", "wheels")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "3 wheels in wheels. On the other machine:",
        "  pip install --no-index --find-links wheels -r wheels/requirements.txt",
    ]
    bundle = Path("wheels")
    assert sorted(path.name for path in bundle.iterdir()) == [
        "cli_built-2.0-py3-none-any.whl",
        "cli_echo-1.0-py3-none-any.whl",
        "needed-3.0-py3-none-any.whl",
        "requirements.txt",
    ]
    target = tmp_path / "other machine"
    installed = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", "wheels"),
            *("-r", "wheels/requirements.txt", "--target", str(target)),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PIP_CONFIG_FILE": "/dev/null", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    assert installed.returncode == 0, installed.stderr
    assert {path.name for path in target.glob("*.py")} == {"cli_built.py", "cli_echo.py", "needed.py"}


def test_what_pip_cannot_fetch_is_one_line(program: Program, index: Path) -> None:
    program.distribution("cli-echo", "1.0", "[dinrail]\necho = echo\n")
    done = program("plugins", "bundle", "wheels")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("dinrail: pip download failed: ERROR: No matching distribution found for cli-echo==1.0")
    assert done.err.count("\n") == 1


def test_without_pip_it_says_what_to_do(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program.distribution("cli-echo", "1.0", "[dinrail]\necho = echo\n")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None if name == "pip" else find(name))
    done = program("plugins", "bundle", "wheels")
    assert (done.code, done.out) == (1, "")
    assert "python -m ensurepip" in done.err


def test_a_folder_that_cannot_be_made_is_one_line(program: Program) -> None:
    Path("file").write_text("")
    done = program("plugins", "bundle", "file/wheels")
    assert (done.code, done.err) == (1, "dinrail: file/wheels: Not a directory\n")

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dinrail_core.cli import doctor_command

if TYPE_CHECKING:
    from conftest import Program

ECHO = """
class Talks:
    pass

class Echo(Talks, ModelSource):
    async def models(self):
        {models}

@asynccontextmanager
async def opening(config, context):
    yield Echo()

@hookimpl
def dinrail_providers():
    yield ProviderType(
        name="echo", config=Empty, apis={{Talks, ModelSource}}, open=opening, detect=lambda environment: {{}}
    )
"""

GOOD = ECHO.format(models="return [ModelInfo('m')]")


def findings(out: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"ok": [], "BAD": []}
    for line in out.splitlines():
        mark, _, text = line.partition(" ")
        if mark in found:
            found[mark].append(text.strip())
    return found


def test_when_all_is_well_it_says_so_and_exits_with_0(program: Program) -> None:
    program.install("echo", GOOD)
    done = program("doctor")
    assert (done.code, done.err) == (0, "")
    found = findings(done.out)
    assert found["BAD"] == []
    assert found["ok"][0] == "the configuration is good"
    assert found["ok"][2:] == [
        "plugin echo (cli-echo 1.2.3): enabled",
        "provider echo (echo): ready, 1 models",
        "1 models can be used",
    ]
    assert done.out.endswith("All is well.\n")


@pytest.mark.parametrize(
    ("source", "bad"),
    [
        (
            "raise ImportError('no CUDA')",
            "plugin echo (cli-echo 1.2.3): failed: it cannot be imported (ImportError: no",
        ),
        (
            ECHO.format(models="raise UpstreamUnavailable('It cannot be reached.')"),
            "provider echo (echo): unreachable, 0 models: It cannot be reached.",
        ),
        (ECHO.format(models="return []"), "no model can be used"),
        (
            GOOD.replace("yield Echo()", "raise OSError('port taken')\n    yield"),
            "provider echo (echo): failed: opening it",
        ),
    ],
    ids=["plugin", "upstream", "no model", "instance"],
)
def test_what_is_to_be_mended_is_marked_counted_and_exits_with_1(program: Program, source: str, bad: str) -> None:
    program.install("echo", source)
    done = program("doctor")
    assert (done.code, done.err) == (1, "")
    found = findings(done.out)["BAD"]
    assert [text for text in found if text.startswith(bad)]
    assert done.out.endswith(f"{len(found)} to mend.\n")


def test_a_plugin_that_is_off_is_no_fault(program: Program) -> None:
    program.install("echo", GOOD)
    program.install("wide", "", extends=["routes"])
    done = program("doctor")
    assert done.code == 0
    assert "plugin wide (cli-wide 1.2.3): off: it adds routes" in done.out


def test_a_configuration_that_is_wrong_is_one_line_and_exits_with_1(program: Program) -> None:
    program.configure("nonsense = 1")
    done = program("doctor")
    assert (done.code, done.out, done.err) == (1, "", "dinrail: nonsense: unknown key\n")


def test_a_data_folder_that_cannot_be_is_to_be_mended(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert doctor_command._data_dir(tmp_path / "file" / "data") == (
        False,
        f"{tmp_path / 'file' / 'data'} cannot be written to",
    )


def test_a_data_folder_of_somebody_else_is_to_be_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever runs the tests may be allowed to write everywhere, so the system's answer is given here.
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    assert doctor_command._data_dir(tmp_path / "data") == (False, f"{tmp_path / 'data'} cannot be written to")


def test_little_room_for_models_is_to_be_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, text = doctor_command._data_dir(tmp_path / "not" / "yet" / "there")
    assert (good, "can be written to" in text) == (True, True)
    monkeypatch.setattr(doctor_command, "_LOW_DISK", float("inf"))
    good, text = doctor_command._data_dir(tmp_path)
    assert (good, "little for models" in text) == (False, True)

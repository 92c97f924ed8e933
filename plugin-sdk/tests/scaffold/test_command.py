from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dinrail_core.cli import main


def test_the_command_writes_where_it_is_told_and_says_what_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "here"
    assert main(["new-plugin", "acme", "--contract", "rerank", "--directory", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert (folder / "src" / "dinrail_acme" / "plugin.py").is_file()
    assert f"cd {folder}" in shown
    assert "[providers.acme]" in shown


def test_the_default_place_is_named_after_the_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "acme", "--contract", "chat"]) == 0
    assert (tmp_path / "dinrail-acme" / "pyproject.toml").is_file()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["Acme!", "--contract", "chat"], "'acme' could"),
        (["acme", "--contract", "chat", "--directory", "."], "exists already"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: list[str],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", *arguments]) == 1
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_contract_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["new-plugin", "acme", "--contract", "poetry"])
    assert caught.value.code == 2
    assert "chat" in capsys.readouterr().err


def test_the_command_costs_the_programs_start_next_to_nothing() -> None:
    code = "import dinrail_core.hooks.records, sys; before = set(sys.modules); import dinrail_sdk.plugin; "
    code += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in done.stdout.split() if not name.startswith("dinrail_")] == []

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from dinrail_core.hooks.secrets import Secret, resolve_secret


class Config(BaseModel):
    key: Secret


def read(value: object) -> str:
    return Config.model_validate({"key": value}).key.get_secret_value()


def message(value: object) -> str:
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"key": value})
    return caught.value.errors()[0]["msg"].removeprefix("Value error, ")


def test_a_secret_is_what_the_variable_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "hush-hush")
    assert read({"env": "A_KEY"}) == "hush-hush"


def test_a_secret_is_what_the_file_holds_without_the_line_end(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("hush-hush\n")
    assert read({"file": str(path)}) == "hush-hush"


def test_a_file_may_be_named_from_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key").write_text("hush-hush")
    assert read({"file": "~/key"}) == "hush-hush"


def test_a_plain_value_is_the_secret_since_variables_hold_it_so() -> None:
    assert read("hush-hush") == "hush-hush"
    assert read(SecretStr("hush-hush")) == "hush-hush"


@pytest.mark.parametrize("value", ["", None])
def test_a_variable_that_is_unset_or_empty_is_missing(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("A_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("A_KEY", value)
    assert message({"env": "A_KEY"}) == "the environment variable A_KEY is not set"


@pytest.mark.parametrize("key", ["sk-live-1234", "hush hush", "", "ä", "=x", "1A"])
def test_a_key_that_was_put_where_a_variables_name_belongs_is_not_repeated(key: str) -> None:
    assert message({"env": key}) == "what stands under env is not the name of a variable"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert message({"file": str(tmp_path)}) == f"the file {tmp_path} cannot be read (IsADirectoryError)"
    assert message({"file": str(tmp_path / "none")}).endswith("cannot be read (FileNotFoundError)")
    (tmp_path / "binary").write_bytes(b"\xff")
    assert message({"file": str(tmp_path / "binary")}).endswith("cannot be read (UnicodeDecodeError)")


def test_an_empty_file_holds_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(" \n")
    assert message({"file": str(path)}) == f"the file {path} is empty"


@pytest.mark.parametrize(
    "table",
    [{}, {"env": 3}, {"file": None}, {"env": "A", "file": "b"}, {"env": "A", "default": "hush"}, {"value": "hush"}],
)
def test_any_other_table_says_how_a_secret_is_written(table: dict[str, Any]) -> None:
    assert message(table) == 'a secret is { env = "NAME" } or { file = "PATH" }'


@given(st.text(min_size=1))
def test_a_secret_is_masked_wherever_it_is_shown(secret: str) -> None:
    # Masked means: nothing of what is shown depends on what the secret is.
    config, other = Config(key=SecretStr(secret)), Config(key=SecretStr("another"))
    for show in (repr, str, Config.model_dump_json, lambda it: f"{it.key!r} {it.key}"):
        assert show(config) == show(other)


@given(st.one_of(st.none(), st.integers(), st.text(), st.lists(st.text())))
def test_what_is_no_table_is_left_to_the_validator(value: object) -> None:
    assert resolve_secret(value) is value

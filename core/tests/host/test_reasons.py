from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretBytes, SecretStr

from dinrail_core.host.reasons import reason_of, without_secrets


class Inner(BaseModel):
    token: SecretStr


class Config(BaseModel):
    url: str = "http://localhost"
    key: SecretStr | None = None
    raw: SecretBytes | None = None
    inner: Inner | None = None
    headers: dict[str, SecretStr] = {}
    several: tuple[SecretStr, ...] = ()


def test_a_reason_is_the_class_and_the_text_on_one_line() -> None:
    assert reason_of(ValueError("bad\n  thing")) == "ValueError: bad thing"
    assert reason_of(ValueError()) == "ValueError"


def test_a_group_of_one_error_is_that_error() -> None:
    group = ExceptionGroup("unhandled errors in a TaskGroup", [ExceptionGroup("again", [OSError("port taken")])])
    assert reason_of(group) == "OSError: port taken"


def test_a_group_of_several_stays_a_group() -> None:
    assert reason_of(ExceptionGroup("two", [OSError("a"), OSError("b")])).startswith("ExceptionGroup: two")


@pytest.mark.parametrize(
    "config",
    [
        Config(key=SecretStr("hush-hush")),
        Config(raw=SecretBytes(b"hush-hush")),
        Config(inner=Inner(token=SecretStr("hush-hush"))),
        Config(headers={"x-key": SecretStr("hush-hush")}),
        Config(several=(SecretStr("a"), SecretStr("hush-hush"))),
    ],
    ids=["field", "bytes", "nested", "in a table", "in a list"],
)
def test_a_secret_is_masked_wherever_the_configuration_holds_it(config: Config) -> None:
    text = without_secrets("401: the key hush-hush was refused", config)
    assert "hush-hush" not in text
    assert text.startswith("401: the key ***")


@given(st.text(st.characters(exclude_characters="*"), min_size=1), st.text(), st.text())
def test_no_secret_survives_in_any_text(secret: str, before: str, behind: str) -> None:
    assert secret not in without_secrets(before + secret + behind, Config(key=SecretStr(secret)))


def test_an_empty_secret_changes_nothing() -> None:
    assert without_secrets("as it was", Config(key=SecretStr(""))) == "as it was"


def test_a_secret_that_contains_another_leaves_no_rest() -> None:
    config = Config(several=(SecretStr("abc"), SecretStr("abcdef")))
    assert "def" not in without_secrets("key abcdef", config)

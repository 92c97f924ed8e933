from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_sdk.translation import (
    arguments_of,
    in_native_words,
    joined_text,
    native,
    parts_of,
    read_data_url,
    refuse_fields,
    thought,
    thoughts_of,
)


@given(st.binary(max_size=99))
def test_the_data_of_an_url_is_its_own(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert read_data_url(f"data:image/png;base64,{text}", "p") == ("image/png", text)


@pytest.mark.parametrize(
    ("url", "due"),
    [
        ("https://x/y", None),
        ("DATA:Image/PNG;name=a;BASE64,AA==", ("image/png", "AA==")),
        ("data:,a%20b", ("text/plain", "YSBi")),
        ("data:text/html;charset=utf-8,%C3%BC", ("text/html", "w7w=")),
    ],
)
def test_urls_are_read_as_their_standard_has_them(url: str, due: tuple[str, str] | None) -> None:
    assert read_data_url(url, "p") == due


def test_an_url_without_data_names_its_field() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_data_url("data:image/png;base64", "messages.0")
    assert caught.value.param == "messages.0"


@pytest.mark.parametrize("data", ["!", "/w=="])
def test_a_document_that_is_no_text_is_refused(data: str) -> None:
    found = read_data_url(f"data:text/plain;base64,{data}", "p")
    assert found is not None
    with pytest.raises(InvalidRequest):
        found.text("p")


def test_content_is_parts_and_parts_are_text() -> None:
    assert parts_of("a") == [{"type": "text", "text": "a"}]
    assert parts_of(None) == []
    assert joined_text([{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}]) == "ab"


@pytest.mark.parametrize(("text", "due"), [('{"a": 1}', {"a": 1}), ("", {}), (" ", {})])
def test_arguments_are_an_object(text: str, due: dict[str, Any]) -> None:
    assert arguments_of({"function": {"arguments": text}}, "p") == due


@pytest.mark.parametrize("text", ["[1]", '{"a', "7"])
def test_other_arguments_name_their_field(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        arguments_of({"function": {"arguments": text}}, "messages.1.tool_calls.0")
    assert caught.value.param == "messages.1.tool_calls.0.function.arguments"


def test_only_what_is_of_the_same_maker_is_read() -> None:
    ours = [thought("b", None, "ours", 1), thought("a", "s", "ours", 0)]
    message = {"reasoning_details": [*ours, thought("c", None, "theirs", 0), "noise"]}
    assert thoughts_of(message, "ours") == ours[::-1]
    assert thoughts_of({"reasoning_details": "noise"}, "ours") == []
    assert in_native_words({"native_content": native([1], "ours")}, "ours") == [1]
    assert in_native_words({"native_content": native([1], "theirs")}, "ours") is None
    assert in_native_words({"native_content": {"format": "ours"}}, "ours") is None


@pytest.mark.parametrize("body", [{}, {"n": 1}, {"n": None}, {"logit_bias": {}}, {"verbosity": "medium"}])
def test_a_field_that_says_nothing_is_no_reason_to_refuse(body: dict[str, Any]) -> None:
    refuse_fields(body, ("n", "logit_bias", "verbosity"), "Acme")


def test_a_field_that_says_something_is() -> None:
    with pytest.raises(UnsupportedFeature, match=r"Acme .*'n'") as caught:
        refuse_fields({"n": 2}, ("logprobs", "n"), "Acme")
    assert caught.value.param == "n"

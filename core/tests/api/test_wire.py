from __future__ import annotations

import time
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from dinrail_core.api.chat import ChatRequest
from dinrail_core.api.responses import CreateResponse
from dinrail_core.api.wire import MISSING, Many, Wire, decode_request, decode_upstream
from dinrail_core.errors import InvalidRequest, UpstreamInvalid


class Inner(Wire):
    kind: Literal["inner"] = "inner"
    size: int | MISSING = MISSING


class Other(Wire):
    kind: Literal["other"] = "other"
    inner: Inner | MISSING = MISSING
    other: Literal["other"] | MISSING = MISSING


class Outer(Wire):
    name: str
    maybe: int | None | MISSING = MISSING
    always: int | None = None
    one: Annotated[Inner | Other, Field(discriminator="kind")] | MISSING = MISSING
    many: Many[Inner] | MISSING = MISSING
    either: str | list[int] | MISSING = MISSING
    answers: list[Inner] | MISSING = MISSING
    renamed: Inner | MISSING = Field(default=MISSING, alias="re/named")


def refusal(data: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        decode_request(Outer, data)
    return refused.value


@pytest.mark.parametrize(
    ("data", "param", "message"),
    [
        ({}, "name", "Missing required parameter: 'name'."),
        ({"name": 7}, "name", "Invalid value for 'name': Input should be a valid string."),
        ({"name": "n", "one": {}}, "one.kind", "Missing required parameter: 'one.kind'."),
        (
            {"name": "n", "one": {"kind": "none"}},
            "one.kind",
            "Invalid value for 'one.kind': Input should be one of 'inner', 'other'.",
        ),
        ({"name": "n", "one": 7}, "one", "Invalid value for 'one': Input should be an object."),
        ({"name": "n", "many": {}}, "many", "Invalid value for 'many': Input should be an array."),
        ({"name": "n", "many": [7]}, "many.0", "Invalid value for 'many.0': Input should be an object."),
        ({"name": "n", "either": 7}, "either", "Invalid value for 'either': Input should be a valid string."),
        ({"name": "n", "either": ["a"]}, "either.0", "Invalid value for 'either.0': Input should be a valid integer."),
        (
            {"name": "n", "re/named": {"size": "s"}},
            "re/named.size",
            "Invalid value for 're/named.size': Input should be a valid integer.",
        ),
    ],
)
def test_a_refusal_names_the_field_and_says_what_is_wrong(data: object, param: str, message: str) -> None:
    refused = refusal(data)

    assert (refused.param, refused.message) == (param, message)


@pytest.mark.parametrize("data", [None, 7, "text", [], [{"name": "n"}]], ids=str)
def test_a_body_that_is_no_object_is_refused_without_a_field(data: object) -> None:
    refused = refusal(data)

    assert (refused.param, refused.message) == (None, "Input should be an object.")


@pytest.mark.parametrize(
    ("one", "param"),
    [
        ({"kind": "inner", "size": "s", "inner": {}}, "one.size"),
        ({"kind": "other", "inner": {"size": "s"}}, "one.inner.size"),
        ({"kind": "other", "other": "x"}, "one.other"),
        ({"kind": "other", "inner": 7}, "one.inner"),
    ],
)
def test_the_name_of_a_unions_branch_is_not_taken_for_a_field(one: dict[str, Any], param: str) -> None:
    assert refusal({"name": "n", "one": one}).param == param


def test_what_is_missing_is_so_beside_the_field_that_has_it_and_is_called_as_its_branch() -> None:
    chats_tool = {"type": "function", "function": {"name": "weather", "parameters": {}}}
    with pytest.raises(InvalidRequest) as refused:
        decode_request(CreateResponse, {"model": "m", "input": "?", "tools": [chats_tool]})
    assert refused.value.message == "Missing required parameter: 'tools.0.name'."
    assert refused.value.param == "tools.0.name"


def test_a_body_full_of_faults_is_refused_before_they_are_all_found() -> None:
    million: list[Any] = [1] * 1_000_000
    hostile: list[dict[str, Any]] = [
        {"messages": million},
        {"messages": [{"role": "user", "content": million}]},
        {"messages": [{"role": "user", "content": "a"}], "stop": million},
        {"messages": [{"role": "user", "content": "a"}], "tools": million},
        {"messages": [{"role": "user", "content": "a"}], "metadata": dict.fromkeys(map(str, range(1_000_000)), 1)},
        {"messages": [{"role": "user", "content": "a"}], "logit_bias": dict.fromkeys(map(str, range(1_000_000)), "a")},
    ]
    decode_request(ChatRequest, {"model": "m", "messages": [{"role": "user", "content": "a"}]})
    for body in hostile:
        begun = time.process_time()
        with pytest.raises(InvalidRequest):
            decode_request(ChatRequest, {"model": "m", **body})
        assert time.process_time() - begun < 0.1, list(body)


def test_a_type_without_such_care_does_not_list_all_the_faults() -> None:
    refused = refusal({"name": "n", "answers": [7] * 5_000})

    assert (refused.param, refused.message) == (None, "5000 values are invalid.")


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda some: st.lists(some) | st.dictionaries(st.text(), some))
)
def test_whatever_is_sent_is_read_or_refused(data: Any) -> None:
    for body in (data, {"name": "n", "one": data}, {"name": "n", "many": data, "re/named": data}):
        try:
            decode_request(Outer, body)
        except InvalidRequest as error:
            assert error.message  # noqa: PT017 (either outcome is right, anything else is not)


def test_numbers_and_booleans_of_a_query_are_read_from_text() -> None:
    assert decode_request(Outer, {"name": "n", "maybe": "7"}, from_text=True).maybe == 7
    assert refusal({"name": "n", "maybe": "7"}).param == "maybe"


def test_an_absent_field_is_missing_and_a_null_is_none() -> None:
    absent = Outer(name="n")
    null = Outer(name="n", maybe=None)

    assert absent.maybe is MISSING
    assert null.maybe is None
    assert absent.model_dump() == {"name": "n", "always": None}
    assert null.model_dump() == {"name": "n", "maybe": None, "always": None}


@pytest.mark.parametrize(
    ("body", "written"),
    [
        (b'{"name": "n", "many": null}', {"name": "n", "always": None}),
        (
            b'{"name": "n", "one": {"kind": "inner", "size": null}}',
            {"name": "n", "always": None, "one": {"kind": "inner"}},
        ),
        (
            b'{"name": "n", "one": {"kind": "other", "inner": {"size": null}}}',
            {"name": "n", "always": None, "one": {"kind": "other", "inner": {"kind": "inner"}}},
        ),
        (
            b'{"name": "n", "one": {"kind": "other", "inner": null, "other": null}}',
            {"name": "n", "always": None, "one": {"kind": "other"}},
        ),
        (
            b'{"name": "n", "answers": [{"kind": null}, {"size": null, "x": null}]}',
            {"name": "n", "always": None, "answers": [{"kind": "inner"}, {"kind": "inner", "x": None}]},
        ),
        (b'{"name": "n", "re/named": null}', {"name": "n", "always": None}),
        (b'{"name": "n", "maybe": null, "x": null}', {"name": "n", "maybe": None, "always": None, "x": None}),
    ],
)
def test_an_upstreams_nulls_are_dropped_only_where_nothing_allows_them(body: bytes, written: dict[str, Any]) -> None:
    assert decode_upstream(Outer, body).model_dump() == written


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "Outer"),
        (b"{", "Outer"),
        (b"<html>", "Outer"),
        (b'{"name": "\xff"}', "Outer"),
        (b"[]", "Outer"),
        (b"null", "Outer"),
        (b'{"name": null}', "'name'"),
        (b'{"name": "n", "maybe": "7"}', "'maybe'"),
        (b'{"name": "n", "answers": [null]}', r"'answers\.0'"),
        (b'{"name": "n", "always": NaN}', "'always'"),
    ],
)
def test_what_does_not_fit_is_the_upstreams_fault(body: bytes, complaint: str) -> None:
    with pytest.raises(UpstreamInvalid, match=complaint):
        decode_upstream(Outer, body)


def test_errors_do_not_repeat_what_was_sent() -> None:
    with pytest.raises(UpstreamInvalid) as failed:
        decode_upstream(Outer, b'{"name": {"secret": "hunter2"}}')

    assert "hunter2" not in failed.value.message
    assert "hunter2" not in refusal({"name": {"secret": "hunter2"}}).message
    assert "hunter2" not in refusal({"name": "n", "one": {"kind": "hunter2"}}).message

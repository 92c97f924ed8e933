"""What holds for every wire type: nothing is lost, nothing is added, and the JSON schema tells the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from dinrail_core.api.wire import Wire, decode_request, decode_upstream
from dinrail_core.errors import InvalidRequest

Sample: TypeAlias = tuple[type[Wire], dict[str, Any]]
Path: TypeAlias = tuple[str | int, ...]

MAPS = {"parameters", "schema", "logit_bias", "metadata", "top_logprobs"}
"""Objects whose keys are the caller's own, so that nothing in them is unknown."""

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def places(data: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of everything in ``data``."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def fresh(data: Any) -> Any:
    """A copy in which nothing is shared."""
    return json.loads(json.dumps(data))


def at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def objects(data: Any) -> list[Path]:
    """The paths of the objects whose keys belong to the wire format."""
    return [path for path in places(data) if isinstance(at(data, path), dict) and not is_map(path)]


def is_map(path: Path) -> bool:
    if path[:3] == ("tool_choice", "allowed_tools", "tools"):
        return True
    if path[:1] == ("moderation",) and str(path[-1]).startswith("categor"):
        return True
    # The logprobs of completions are maps, those of chats are objects of the wire format.
    return bool(MAPS & set(path)) and "content" not in path


def dumped(value: Wire) -> Any:
    return json.loads(value.model_dump_json())


def test_what_is_read_is_written_again(sample: Sample) -> None:
    wire, data = sample

    assert dumped(wire.model_validate(data)) == data
    assert dumped(decode_upstream(wire, json.dumps(data).encode())) == data


def test_what_is_read_from_text_is_what_is_read_from_a_parsers_values(sample: Sample) -> None:
    wire, data = sample

    assert wire.model_validate(data) == wire.model_validate_json(json.dumps(data))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_unknown_fields_survive_at_every_level(sample: Sample, draw: st.DataObject) -> None:
    wire, original = sample
    data = fresh(original)
    for path in draw.draw(st.lists(st.sampled_from(objects(data)), min_size=1, max_size=4)):
        at(data, path)["x_" + draw.draw(st.text(max_size=5))] = draw.draw(JSON)

    assert dumped(wire.model_validate(data)) == data


def test_the_schema_allows_what_is_read(request_sample: Sample) -> None:
    wire, data = request_sample

    Draft202012Validator(wire.model_json_schema(mode="validation")).validate(data)


def test_the_schema_allows_what_is_written(answer_sample: Sample) -> None:
    wire, data = answer_sample

    Draft202012Validator(wire.model_json_schema(mode="serialization")).validate(dumped(wire.model_validate(data)))


@pytest.mark.parametrize("change", ["null", "absent", "number", "list", "object"])
def test_schema_and_validation_of_a_request_agree(request_sample: Sample, change: str) -> None:
    wire, original = request_sample
    schema = Draft202012Validator(wire.model_json_schema(mode="validation"))
    disagreements = []
    for path in list(places(original))[1:]:
        data = fresh(original)
        holder = at(data, path[:-1])
        if change == "absent":
            del holder[path[-1]]
        else:
            holder[path[-1]] = {"null": None, "number": 7, "list": [], "object": {}}[change]
        try:
            decode_request(wire, data)
            accepted = True
        except InvalidRequest:
            accepted = False
        if accepted != schema.is_valid(data):
            disagreements.append((path, "accepted" if accepted else "refused"))

    assert disagreements == []


def test_wrong_values_are_blamed_on_the_place_where_they_are(request_sample: Sample) -> None:
    wire, original = request_sample
    known = [path for path in places(original) if path and not any(is_map(path[:end]) for end in range(1, len(path)))]
    for path in known:
        data = fresh(original)
        at(data, path[:-1])[path[-1]] = object()
        with pytest.raises(InvalidRequest) as refused:
            decode_request(wire, data)
        assert refused.value.param is not None, path
        assert ".".join(map(str, path)).startswith(refused.value.param), (path, refused.value.param)


def test_a_value_without_its_optional_fields_is_written_without_them(request_sample: Sample) -> None:
    wire, original = request_sample
    required = wire.model_json_schema(mode="validation")["required"]
    data = {key: value for key, value in original.items() if key in required}

    assert dumped(wire.model_validate(data)) == data

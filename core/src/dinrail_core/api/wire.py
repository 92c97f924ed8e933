"""The base of every wire type, and how bytes become one.

Wire types stand for what is on the wire and nothing else: a field that may be left out is typed ``… | MISSING``, one
that may be null is typed ``… | None``, and the two are not the same (OpenAI's specification tells them apart, and so
does the JSON schema that is generated from here). Unknown fields survive a round trip.

Two habits of the modules that declare them keep their import cheap. They do without ``from __future__ import
annotations``, because pydantic would then compile every annotation a second time (a third of the cost of importing
them all). And the strings below fields, which become descriptions in the JSON schema, are read by
:mod:`~dinrail_core.api.wire_schema` when a schema is asked for, not when the class is made (half of the cost).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from pydantic import MISSING, BaseModel, ConfigDict, Field, ValidationError

from dinrail_core.errors import InvalidRequest, UpstreamInvalid

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema, ErrorDetails

__all__ = ["MISSING", "Many", "PlainText", "Wire", "decode_request", "decode_upstream"]


class Wire(BaseModel):
    """The base of requests, answers, items and events.

    Frozen, strict (no number out of a string), tolerant of unknown fields, and built only when first used.
    """

    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        strict=True,
        defer_build=True,
        allow_inf_nan=False,
        protected_namespaces=(),
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        from dinrail_core.api.wire_schema import complete

        found = handler(schema)
        complete(cls, handler.resolve_ref_schema(found), handler.mode)
        return found


T = TypeVar("T")

Many: TypeAlias = Annotated[list[T], Field(fail_fast=True)]
"""A list of a request: validation stops at its first bad item, since a body has room for millions of them."""

_PLAIN = r"^[^\x00]*$"
PlainText: TypeAlias = Annotated[str, Field(pattern=_PLAIN)]
"""Text that is kept by itself, as names are: any but with U+0000, which PostgreSQL has in no text.

Text within something larger, such as messages and metadata, is kept as JSON, where U+0000 is written as an escape.
"""

W = TypeVar("W", bound=BaseModel)


def decode_request(wire: type[W], data: object, *, from_text: bool = False) -> W:
    """Turn parsed JSON of a request into its wire type.

    Args:
        wire: The wire type.
        data: What a JSON parser returned.
        from_text: The values are text, as those of a query are: numbers and booleans are read from it.

    Raises:
        InvalidRequest: It does not fit; ``param`` names the first field that does not.
    """
    try:
        return wire.model_validate(data, strict=False if from_text else None)
    except ValidationError as error:
        raise _invalid_request(error, data) from None


def decode_upstream(wire: type[W], body: bytes) -> W:
    """Turn an upstream's JSON into its wire type.

    Liberal in what it accepts: many servers send ``null`` for a field that the specification lets them leave out, so
    such nulls are dropped before the answer is called invalid.

    Raises:
        UpstreamInvalid: It does not fit.
    """
    try:
        return wire.model_validate_json(body)
    except ValidationError as error:
        nulls = [e["loc"] for e in error.errors(include_url=False, include_context=False) if e["input"] is None]
        if not nulls:
            raise _upstream_invalid(wire, error) from None
    data = _without(_parse(wire, body), nulls)
    try:
        return wire.model_validate(data)
    except ValidationError as error:
        raise _upstream_invalid(wire, error) from None


def _parse(wire: type[BaseModel], body: bytes) -> Any:
    from pydantic_core import from_json

    try:
        return from_json(body)
    except ValueError as error:
        raise UpstreamInvalid(f"The upstream's {wire.__name__} is not JSON.") from error


def _without(data: Any, locations: list[tuple[int | str, ...]]) -> Any:
    """Drop the nulls at ``locations``."""
    for location in locations:
        path = _path(data, location)
        holder = data
        for step in path[:-1]:
            holder = holder[step]
        if path and isinstance(holder, dict) and holder.get(path[-1], ...) is None:
            del holder[path[-1]]
    return data


def _path(data: Any, location: tuple[int | str, ...]) -> list[int | str]:
    """What of an error's location are steps into the data, and not names of a union's branches.

    A branch may be called as one of its own fields is (``text``, ``function``), so a step that could be a key need not
    be one. The reading that leads on furthest is the right one.
    """
    return _readings(data, location, 0)[1]


def _readings(here: Any, location: tuple[int | str, ...], index: int) -> tuple[int, list[int | str]]:
    """The best reading from ``index`` on: up to where in the location it leads, and its steps."""
    if index == len(location):
        return 0, []
    best = _readings(here, location, index + 1)
    step = location[index]
    if isinstance(here, dict):
        known = step in here
    else:
        known = isinstance(here, list) and isinstance(step, int) and step < len(here)
    if known:
        end, steps = _readings(here[step], location, index + 1)
        best = max(best, (max(end, index + 1), [step, *steps]), key=lambda reading: (reading[0], len(reading[1])))
    return best


def _invalid_request(error: ValidationError, data: object) -> InvalidRequest:
    """The error that tells most.

    In a union, every branch complains; the branch that was meant is the one whose complaint leads deepest into what was
    really sent, or else the one that does not just say that it is another type.
    """
    if error.error_count() > _ENOUGH_ERRORS:
        return InvalidRequest(f"{error.error_count()} values are invalid.")
    problems = error.errors(include_url=False, include_input=False)
    paths = [_sent_path(data, problem) for problem in problems]
    best = max(
        range(len(problems)),
        key=lambda index: (len(paths[index]), not problems[index]["type"].endswith("_type"), -index),
    )
    problem, path = problems[best], paths[best]
    param = ".".join(path) if path else None
    if problem["type"] in ("missing", "union_tag_not_found"):
        return InvalidRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")
    message = _message(problem)
    return InvalidRequest(f"Invalid value for '{param}': {message}." if param else f"{message}.", param=param)


_ENOUGH_ERRORS = 1_000
"""More than any request has by mistake, and few enough to be looked at while others wait."""

_IN_WORDS_OF_JSON = {
    "dict_type": "Input should be an object",
    "list_type": "Input should be an array",
    "model_attributes_type": "Input should be an object",
    "model_type": "Input should be an object",
}
"""Where pydantic speaks of Python's types and of our classes."""


def _message(problem: ErrorDetails) -> str:
    if problem["type"] == "string_pattern_mismatch" and problem["ctx"]["pattern"] == _PLAIN:
        return "Text should not contain the character U+0000"
    if problem["type"] == "union_tag_invalid":
        return f"Input should be one of {problem['ctx']['expected_tags']}"
    return _IN_WORDS_OF_JSON.get(problem["type"]) or problem["msg"]


def _sent_path(data: Any, problem: ErrorDetails) -> list[str]:
    """Where in the request the problem is, or would be if what is missing were there."""
    location = problem["loc"]
    if problem["type"] == "missing":
        path = _path(data, location[:-1])
        if location[-1] in _at(data, path):  # so this was a branch's name: a chat's tool has its name in 'function'
            path = path[:-1]
        path.append(location[-1])
    elif problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        path = [*_path(data, location), problem["ctx"]["discriminator"].strip("'")]
    else:
        path = _path(data, location)
    return [str(step) for step in path]


def _at(data: Any, path: list[int | str]) -> Any:
    """What stands at a path that leads somewhere; nothing where that has no fields."""
    for step in path:
        data = data[step]
    return data if isinstance(data, dict) else ()


def _upstream_invalid(wire: type[BaseModel], error: ValidationError) -> UpstreamInvalid:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return UpstreamInvalid(f"The upstream's {wire.__name__} is invalid at '{where}': {first['msg']}.")

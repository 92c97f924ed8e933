"""The base of every wire type, and how bytes become one.

Wire types stand for what is on the wire and nothing else: a field that may be left out is typed ``… | MISSING``, one
that may be null is typed ``… | None``, and the two are not the same (OpenAI's specification tells them apart, and so
does the JSON schema that is generated from here). Unknown fields survive a round trip.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import MISSING, BaseModel, ConfigDict, ValidationError

from dinrail_core.errors import InvalidRequest, UpstreamInvalid

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["MISSING", "Wire", "decode_request", "decode_upstream"]


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
        use_attribute_docstrings=False,
        protected_namespaces=(),
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


W = TypeVar("W", bound=BaseModel)


def decode_request(wire: type[W], data: object) -> W:
    """Turn parsed JSON of a request into its wire type.

    Args:
        wire: The wire type.
        data: What a JSON parser returned.

    Raises:
        InvalidRequest: It does not fit; ``param`` names the first field that does not.
    """
    try:
        return wire.model_validate(data)
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


def _without(data: Any, paths: list[tuple[int | str, ...]]) -> Any:
    """Drop the nulls at ``paths``; path segments that name a union's branch instead of a key are passed over."""
    for path in paths:
        holder: Any = None
        key: int | str | None = None
        here = data
        for step in path:
            if (isinstance(here, dict) and step in here) or (isinstance(here, list) and isinstance(step, int) and step < len(here)):
                holder, key, here = here, step, here[step]
        if here is None and isinstance(holder, dict):
            holder.pop(key, None)
    return data


def _invalid_request(error: ValidationError, data: object) -> InvalidRequest:
    """The error whose path leads deepest into what was really sent: in a union, that is the branch that was meant."""
    problems = error.errors(include_url=False, include_context=False)
    paths = [_sent_path(data, problem) for problem in problems]
    depth, first = max((len(path), -index) for index, path in enumerate(paths))
    problem, path = problems[-first], paths[-first]
    param = ".".join(path) if depth else None
    if problem["type"] == "missing":
        return InvalidRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")
    message = f"Invalid value for '{param}': {problem['msg']}." if param else f"{problem['msg']}."
    return InvalidRequest(message, param=param)


def _sent_path(data: object, problem: ErrorDetails) -> list[str]:
    """The problem's path without the steps that name a union's branch instead of a key."""
    path: list[str] = []
    here = data
    for index, step in enumerate(problem["loc"]):
        last = index == len(problem["loc"]) - 1
        if (isinstance(here, dict) and step in here) or (isinstance(here, list) and isinstance(step, int) and step < len(here)):
            path.append(str(step))
            here = here[step]
        elif last and problem["type"] == "missing":
            path.append(str(step))
    return path


def _upstream_invalid(wire: type[BaseModel], error: ValidationError) -> UpstreamInvalid:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    return UpstreamInvalid(f"The upstream's {wire.__name__} is invalid at '{where}': {first['msg']}.")

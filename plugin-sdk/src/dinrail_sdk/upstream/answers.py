"""What is checked of an upstream's answer before it is handed on: cheap, and enough to tell an answer from garbage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, get_origin

import orjson
from pydantic import BaseModel

from dinrail_core.api.answers import NO_HEADERS
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.upstream.openai_events import spoiled

__all__ = ["check_object", "handed_on", "reported"]

_ECHOED = frozenset({"tools"})
"""What an answer repeats of its request: some servers leave that out."""
_SMALL = 16 * 1024
_END = 4 * 1024


def check_object(wire: type[BaseModel], text: bytes) -> Mapping[str, Any] | None:
    """See whether ``text`` is an object that can be a ``wire``.

    A small one is parsed. A large one (embeddings, above all) is looked at only at both ends, since parsing it would
    cost more than relaying it; how it reads in between is seen by whoever looks at the typed view.

    Returns:
        The object that reports an error under a good status (the whole, or one of its choices); else ``None``.

    Raises:
        UpstreamInvalid: It is not a JSON object, or lacks an array that ``wire`` requires.
    """
    if len(text) > _SMALL and _is_plausible(wire, text):
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("The upstream's answer is not JSON.") from None
    if not isinstance(found, dict):
        raise UpstreamInvalid("The upstream's answer is not a JSON object.")
    for name in _arrays(wire):
        if not isinstance(found.get(name), list):
            if found.get("error"):
                return found
            raise UpstreamInvalid(f"The upstream's answer is no {wire.__name__}: it has no '{name}'.")
    if found.get("status") == "failed" and found.get("error"):
        return found  # a response that has failed, which has its arrays all the same
    choices = found.get("choices")
    if not isinstance(choices, list):
        return None
    reports = (spoiled(choice) for choice in choices if isinstance(choice, dict))
    return next((report for report in reports if report is not None), None)


def reported(text: bytes) -> Mapping[str, Any] | None:
    """The object that reports an error, if that is what ``text`` is."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) and found.get("error") else None


def handed_on(headers: Mapping[bytes, bytes]) -> Mapping[str, str]:
    """The headers of an answer that are of use: rate limits, the upstream's id of the request, tokens told there alone.

    Args:
        headers: Lower-case names.
    """
    kept = {}
    for name, value in headers.items():
        if b"ratelimit-" in name or name == b"x-amzn-bedrock-input-token-count":
            kept[name.decode("latin-1")] = value.decode("latin-1")
        elif name in (b"x-request-id", b"request-id", b"x-amzn-requestid"):
            # Under another name: the caller's x-request-id is ours.
            kept["x-upstream-request-id"] = value.decode("latin-1")
    return MappingProxyType(kept) if kept else NO_HEADERS


def _is_plausible(wire: type[BaseModel], text: bytes) -> bool:
    """Whether a large text begins and ends as an object and names what ``wire`` requires near an end.

    Raises:
        UpstreamInvalid: It cannot be an object, and so is not worth being parsed.
    """
    begin, end = text[:_END].lstrip(), text[-_END:].rstrip()
    if not begin.startswith(b"{") or not end.endswith(b"}"):
        raise UpstreamInvalid("The upstream's answer is not a JSON object.")
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError:
            raise UpstreamInvalid("The upstream's answer is not UTF-8.") from None
    return all(b'"%b"' % name.encode() in begin or b'"%b"' % name.encode() in end for name in _arrays(wire))


@cache
def _arrays(wire: type[BaseModel]) -> tuple[str, ...]:
    """The arrays that ``wire`` requires, by their names on the wire."""
    wire.model_rebuild()
    return tuple(
        field.alias or name
        for name, field in wire.model_fields.items()
        if field.is_required() and name not in _ECHOED and get_origin(field.annotation) is list
    )

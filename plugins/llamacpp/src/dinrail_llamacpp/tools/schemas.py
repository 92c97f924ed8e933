"""What an answer that calls tools must look like, as a JSON schema."""

from __future__ import annotations

from typing import Any

from dinrail_llamacpp.schemas import prepare
from dinrail_llamacpp.tools.offer import Offer, OfferedTool

__all__ = ["MOST_CALLS", "alone", "answer_schema"]

MOST_CALLS = 8
"""The most calls of one answer: a small model does not find the end of a list by itself."""


def answer_schema(offer: Offer) -> dict[str, Any]:
    """The schema of an answer that calls one of the callable tools, or several.

    A call is ``{"tool": NAME, "arguments": {…}}``, that of a custom tool ``{"tool": NAME, "input": "…"}``; several are
    an array.

    Raises:
        UnsupportedFeature: A strict tool's schema cannot be enforced; ``param`` names it.
    """
    definitions: dict[str, Any] = {}
    calls = []
    for index, tool in enumerate(offer.callable):
        name = f"tool{index}"
        definitions[name] = prepare(tool.schema, root=f"#/$defs/{name}", strict=tool.strict, param=tool.schema_param)
        calls.append(_call(tool, {"$ref": f"#/$defs/{name}"}))
    call = calls[0] if len(calls) == 1 else {"anyOf": calls}
    if offer.several:
        return {"type": "array", "items": call, "minItems": 1, "maxItems": MOST_CALLS, "$defs": definitions}
    return {**call, "$defs": definitions}


def alone(tool: OfferedTool) -> dict[str, Any]:
    """The schema of an answer that calls this tool, to see whether it is this one that cannot be compiled."""
    return answer_schema(Offer([tool], [tool], True, False))


def _call(tool: OfferedTool, schema: dict[str, Any]) -> dict[str, Any]:
    content = "input" if tool.custom else "arguments"
    return {
        "type": "object",
        "properties": {"tool": {"const": tool.name}, content: schema},
        "required": ["tool", content],
        "additionalProperties": False,
    }

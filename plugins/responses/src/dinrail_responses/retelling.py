"""The events of a response that is there already: as those that it was told with, with each text in one piece."""

from __future__ import annotations

from collections.abc import Sequence

from dinrail_responses.scribe import ItemPen, Scribe
from dinrail_responses.tools.interface import Json, Pen

__all__ = ["begun", "retell"]

_CALLS = {
    "function_call": ("arguments", "response.function_call_arguments"),
    "custom_tool_call": ("input", "response.custom_tool_call_input"),
}
_AT_THE_END = ("completed_at", "error", "incomplete_details", "usage")
_LATE = ("content", "summary", "encrypted_content")
"""What an item does not have when it begins."""


def begun(response: Json) -> Json:
    """A response, without its output, as it was when it began."""
    then = {**response, "status": "in_progress", **dict.fromkeys(_AT_THE_END)}
    return {**then, "moderation": None} if "moderation" in then else then


def retell(response: Json, output: Sequence[Json], scribe: Scribe) -> None:
    """Tell how a response came to be.

    Args:
        response: The response without its output, as it has ended.
        output: Its output.
        scribe: Where it is written, with the response as it began.
    """
    scribe.begin()
    for item in output:
        _item(item, scribe.pen())
    scribe.response = response
    if response["status"] == "failed":
        told = {**response["error"], "param": None}
        scribe.say("error", **told, error={"type": "server_error", **told})
    scribe.close()


def _item(item: Json, pen: ItemPen) -> None:
    pen.added(_begun_item(item))
    if item["type"] in ("message", "reasoning"):
        for index, part in enumerate(item.get("summary") or ()):
            _summary(part, index, pen)
        for index, part in enumerate(item.get("content") or ()):
            _part(part, index, pen)
    elif item["type"] in _CALLS:
        field, kind = _CALLS[item["type"]]
        if item[field]:
            pen.event(f"{kind}.delta", delta=item[field])
        name = {"name": item["name"]} if item["type"] == "function_call" else {}
        pen.event(f"{kind}.done", **name, **{field: item[field]})
    pen.done(item)


def _begun_item(item: Json) -> Json:
    """An item as it was when it began; what tools of the server's own have found is there at once."""
    then = {**item, "status": "in_progress"} if "status" in item else dict(item)
    if item["type"] in ("message", "reasoning"):
        then = {name: [] if isinstance(value, list) and name in _LATE else value for name, value in then.items()}
        then.pop("encrypted_content", None)
    elif item["type"] in _CALLS:
        then[_CALLS[item["type"]][0]] = ""
    return then


def _part(part: Json, index: int, pen: Pen) -> None:
    """A part of what was said, or thought in the open."""
    kind = part["type"]
    field = "refusal" if kind == "refusal" else "text"
    odds = {"logprobs": part.get("logprobs") or []} if kind == "output_text" else {}
    bare = {name: [] if isinstance(value, list) else value for name, value in part.items()}
    pen.event("response.content_part.added", content_index=index, part={**bare, field: ""})
    if part[field]:
        pen.event(f"response.{kind}.delta", content_index=index, delta=part[field], **odds)
    for number, annotation in enumerate(part.get("annotations") or ()):
        pen.event(
            "response.output_text.annotation.added",
            content_index=index,
            annotation_index=number,
            annotation=annotation,
        )
    pen.event(f"response.{kind}.done", content_index=index, **{field: part[field]}, **odds)
    pen.event("response.content_part.done", content_index=index, part=part)


def _summary(part: Json, index: int, pen: Pen) -> None:
    """A part of the summary of thoughts."""
    kind = "response.reasoning_summary"
    pen.event(f"{kind}_part.added", summary_index=index, part={**part, "text": ""})
    if part["text"]:
        pen.event(f"{kind}_text.delta", summary_index=index, delta=part["text"])
    pen.event(f"{kind}_text.done", summary_index=index, text=part["text"])
    pen.event(f"{kind}_part.done", summary_index=index, part=part)

"""Fields of items that are only told to who asks for them (``include``)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic_core import from_json, to_json

__all__ = ["as_asked"]


def as_asked(text: str, kind: str, include: Collection[str]) -> str:
    """The JSON text of an item without what was not asked for.

    Args:
        text: The item as it is kept: compact JSON, as pydantic writes it.
        kind: Its ``type``.
        include: What was asked for (OpenAI's 2.3.0, ``IncludeEnum``).
    """
    marks = _MARKS.get(kind)
    if marks is None or not any(mark in text for mark in marks):
        return text  # most items have nothing of the kind, and need not be parsed
    item = from_json(text)
    _FILTERS[kind](item, include)
    return to_json(item).decode()


def _message(item: dict[str, Any], include: Collection[str]) -> None:
    for part in item["content"]:
        kind = part.get("type")
        if kind == "input_image" and "message.input_image.image_url" not in include:
            part.pop("image_url", None)
        elif kind == "output_text" and "message.output_text.logprobs" not in include:
            part["logprobs"] = []


def _file_search(item: dict[str, Any], include: Collection[str]) -> None:
    if "file_search_call.results" not in include:
        item.pop("results", None)


def _web_search(item: dict[str, Any], include: Collection[str]) -> None:
    if "web_search_call.results" not in include:
        item.pop("results", None)
    if "web_search_call.action.sources" not in include:
        item["action"].pop("sources", None)


def _computer(item: dict[str, Any], include: Collection[str]) -> None:
    if "computer_call_output.output.image_url" not in include:
        item["output"].pop("image_url", None)


def _code(item: dict[str, Any], include: Collection[str]) -> None:
    if "code_interpreter_call.outputs" not in include:
        item["outputs"] = None


def _reasoning(item: dict[str, Any], include: Collection[str]) -> None:
    if "reasoning.encrypted_content" not in include:
        item.pop("encrypted_content", None)


_FILTERS: Mapping[str, Callable[[dict[str, Any], Collection[str]], None]] = {
    "message": _message,
    "file_search_call": _file_search,
    "web_search_call": _web_search,
    "computer_call_output": _computer,
    "code_interpreter_call": _code,
    "reasoning": _reasoning,
}

_MARKS: Mapping[str, tuple[str, ...]] = {
    "message": ('"image_url":', '"logprobs":[{'),
    "file_search_call": ('"results":',),
    "web_search_call": ('"results":', '"sources":'),
    "computer_call_output": ('"image_url":',),
    "code_interpreter_call": ('"outputs":[',),
    "reasoning": ('"encrypted_content":',),
}
"""What stands in the text of an item that has something to leave out."""

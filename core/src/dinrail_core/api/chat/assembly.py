"""From the chunks of a streamed answer to the answer that would have come in one piece, and back: over plain JSON.

Fields that nobody here knows are kept as well, by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Assembly", "chunks_of"]

_TEXT = frozenset({"arguments", "content", "data", "input", "reasoning", "reasoning_content", "refusal", "transcript"})
"""Fields that come bit by bit; any other text is said once, or again."""
_OF_CHUNKS = frozenset({"choices", "object", "obfuscation"})


class Assembly:
    """Gathers chunks (:class:`~dinrail_core.api.chat.response.ChatChunk` as JSON objects)."""

    def __init__(self) -> None:
        self._whole: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}

    def add(self, chunk: Mapping[str, Any]) -> None:
        """Take a chunk in; it is not changed. What is no chunk adds nothing."""
        _merge(self._whole, {name: value for name, value in chunk.items() if name not in _OF_CHUNKS})
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict):
                _merge(self._choices.setdefault(_index(choice), {}), choice)

    def completion(self) -> dict[str, Any]:
        """The answer so far, as the JSON object of a :class:`~dinrail_core.api.chat.response.ChatCompletion`."""
        choices = [_choice(index, gathered) for index, gathered in sorted(self._choices.items())]
        return {**self._whole, "object": "chat.completion", "choices": choices}


def chunks_of(completion: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks that add up to an answer: each choice whole and then its end, and at last what the answer took.

    Args:
        completion: The JSON object of a :class:`~dinrail_core.api.chat.response.ChatCompletion`.
    """
    head = {name: value for name, value in completion.items() if name not in ("choices", "usage")}
    head["object"] = "chat.completion.chunk"
    for choice in completion["choices"]:
        message = choice["message"]
        calls = message.get("tool_calls")
        if isinstance(calls, list):
            message = {**message, "tool_calls": [{"index": n, **call} for n, call in enumerate(calls)]}
        rest = {name: value for name, value in choice.items() if name not in ("message", "finish_reason")}
        yield {**head, "choices": [{**rest, "delta": message, "finish_reason": None}]}
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice.get("finish_reason")}
        yield {**head, "choices": [end]}
    if completion.get("usage") is not None:
        yield {**head, "choices": [], "usage": completion["usage"]}


def _choice(index: int, gathered: Mapping[str, Any]) -> dict[str, Any]:
    message = gathered.get("delta")
    message = dict(message) if isinstance(message, dict) else {}
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        # The index tells chunks of several calls apart, and is no part of a call.
        message["tool_calls"] = [{name: call[name] for name in call if name != "index"} for call in calls]
    head = {"role": "assistant", "content": None, "refusal": None}
    rest = {name: value for name, value in gathered.items() if name not in ("index", "delta")}
    return {"index": index, "message": {**head, **message}, "finish_reason": None, "logprobs": None, **rest}


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        before = into.get(name)
        if before is None:
            into[name] = _copy(value)
        elif value is None:
            continue
        elif isinstance(before, dict) and isinstance(value, dict):
            _merge(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            _merge_lists(before, value)
        elif isinstance(before, str) and isinstance(value, str) and name in _TEXT:
            into[name] = before + value
        else:
            into[name] = _copy(value)


def _merge_lists(into: list[Any], more: list[Any]) -> None:
    """Items with an index are pieces of one another; others stand side by side."""
    for item in more:
        index = item.get("index") if isinstance(item, dict) else None
        known = next((one for one in into if isinstance(one, dict) and one.get("index") == index), None)
        if index is None or known is None:
            into.append(_copy(item))
        else:
            _merge(known, item)


def _copy(value: Any) -> Any:
    """A value that may be added to."""
    if isinstance(value, dict):
        return {name: _copy(below) for name, below in value.items()}
    if isinstance(value, list):
        gathered: list[Any] = []
        _merge_lists(gathered, value)
        return gathered
    return value


def _index(choice: Mapping[str, Any]) -> int:
    index = choice.get("index")
    return index if isinstance(index, int) else 0

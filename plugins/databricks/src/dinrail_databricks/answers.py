"""What Databricks answers, in OpenAI's words, and in the fields that all providers share (decision 0044).

The content of a model that thinks is a list of items, of texts and of thoughts with their signatures ("Foundation model
REST API reference", ``ContentItem``). Where they cannot rebuild the turn it is carried whole besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dinrail_sdk.translation import encrypted, native, thought

__all__ = ["FORM", "Rewording"]

FORM = "databricks-v1"
"""Whose thoughts and blocks these are."""

_KINDS = frozenset({"summary_text", "summary_encrypted_text"})


class Rewording:
    """Changes an answer, or the events of one stream in their order, in place; says whether anything changed."""

    def __init__(self) -> None:
        self._turns: dict[Any, _Turn] = {}

    def __call__(self, found: dict[str, Any]) -> bool:
        """See :data:`~dinrail_sdk.upstream.openai_events.Reword`."""
        changed = False
        for choice in found["choices"]:
            said = choice.get("message") or choice.get("delta")
            if isinstance(said, dict):
                turn = self._turns.setdefault(choice.get("index"), _Turn())
                changed |= _reword(said, turn, ends=choice.get("finish_reason") is not None)
        return changed


def _reword(said: dict[str, Any], turn: _Turn, *, ends: bool) -> bool:
    content = said.get("content")
    items: list[dict[str, Any]] | None = content if isinstance(content, list) else None
    turn.add([{"type": "text", "text": content}] if isinstance(content, str) and content else items or [])
    if items is None and not turn.listed:
        return False
    turn.listed = True
    added = turn.told(ends=ends or bool(said.get("tool_calls")))
    if ends and (blocks := turn.unspeakable()):
        added["native_content"] = native(blocks, FORM)
    if items is not None:
        texts = [item["text"] for item in items if item.get("type") == "text"]
        thoughts = "".join(_thoughts(items))
        said["content"] = None if thoughts and not texts else "".join(texts)
        if thoughts:
            said["reasoning_content"] = thoughts
    said.update(added)
    return items is not None or bool(added)


def _thoughts(items: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        one["text"]
        for item in items
        if item.get("type") == "reasoning"
        for one in item["summary"]
        if one.get("type") == "summary_text"
    ]


class _Turn:
    """What one choice has said so far.

    Attributes:
        listed: Whether any of it came as items.
    """

    def __init__(self) -> None:
        self.listed = False
        self._blocks: list[dict[str, Any]] = []
        self._told = 0
        self._details = 0

    def add(self, items: Iterable[dict[str, Any]]) -> None:
        """Take note of more; pieces of one text, or of one thought, are one block."""
        for item in items:
            last = self._blocks[-1] if self._blocks else {}
            match last, item:
                case {"type": "text", "text": str(text)}, {"type": "text", "text": str(more)}:
                    self._blocks[-1] = {**last, **item, "text": text + more}
                case {"type": "reasoning", "summary": list(summary)}, {"type": "reasoning", "summary": list(more)}:
                    self._blocks[-1] = {**last, **item, "summary": _joined(summary, more)}
                case _:
                    self._blocks.append({**item})

    def told(self, *, ends: bool) -> dict[str, Any]:
        """Thoughts behind which something else has come, and that were not told yet."""
        done = len(self._blocks) - (0 if ends else 1)
        found: list[dict[str, Any]] = []
        for block in self._blocks[self._told : max(done, self._told)]:
            if block.get("type") == "reasoning":
                for one in block["summary"]:
                    if one.get("type") in _KINDS:
                        found.append(_detail(one, self._details))
                        self._details += 1
        self._told = max(done, self._told)
        return {"reasoning_details": found} if found else {}

    def unspeakable(self) -> list[dict[str, Any]]:
        """The blocks of a turn that the other fields cannot rebuild: of other kinds, with more, in another order."""
        kinds = [block.get("type") for block in self._blocks]
        in_order = kinds == [kind for kind in ("reasoning", "text") if kind in kinds]
        return [] if in_order and all(map(_is_plain, self._blocks)) else self._blocks


def _is_plain(block: Mapping[str, Any]) -> bool:
    if block["type"] == "text":
        return block.keys() == {"type", "text"}
    return block.keys() == {"type", "summary"} and all(one.get("type") in _KINDS for one in block["summary"])


def _joined(summary: list[dict[str, Any]], more: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = [*summary]
    for one in more:
        last = found[-1] if found else {}
        if last.get("type") == one.get("type") == "summary_text" and not last.get("signature"):
            found[-1] = {**last, **one, "text": last["text"] + one["text"]}
        else:
            found.append(one)
    return found


def _detail(one: Mapping[str, Any], index: int) -> dict[str, Any]:
    if one.get("type") == "summary_encrypted_text":
        return encrypted(one["data"], FORM, index)
    return thought(one["text"], one.get("signature"), FORM, index)

"""What Mistral answers, in OpenAI's words, and in the fields that all providers share (decision 0044).

A content is a text, or a list of chunks: texts, thoughts, references to what the answer rests on, and whatever comes
later. Thoughts and answer may alternate; then the turn is carried whole besides, since nothing else could rebuild it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dinrail_sdk.translation import native, thought

__all__ = ["FORM", "Rewording"]

FORM = "mistral-v1"
"""Whose thoughts and blocks these are."""

_PLAIN_TEXT = {"type", "text"}
_PLAIN_THOUGHT = {"type", "thinking", "signature", "closed"}


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
                changed |= _reword(said, turn, choice.get("finish_reason") is not None)
                if said.get("tool_calls"):
                    changed |= _complete(said["tool_calls"], streamed="delta" in choice)
            if choice.get("finish_reason") == "model_length":
                choice |= {"finish_reason": "length", "native_finish_reason": "model_length"}
                changed = True
        return changed


def _reword(said: dict[str, Any], turn: _Turn, ends: bool) -> bool:
    """The content of a message or a delta; what waits for the end comes with it."""
    content = said.get("content")
    chunks = content if isinstance(content, list) else None
    if chunks is None and not turn.chunked:
        if isinstance(content, str) and content:
            turn.length += len(content)
            turn.before.append({"type": "text", "text": content})
        return False
    added = turn.add(_chunks(content), ends=ends or bool(said.get("tool_calls")))
    if ends:
        added |= turn.whole()
    if chunks is None:
        said.update(added)
        return bool(added.keys() - {"content"})
    said.pop("content")
    said["content"] = None if "reasoning_content" in added else ""
    said.update(added)
    return True


def _chunks(content: Any) -> Sequence[Any]:
    if isinstance(content, str) and content:
        return [{"type": "text", "text": content}]
    return content if isinstance(content, list) else ()


class _Turn:
    """What one choice has said so far.

    Attributes:
        chunked: Whether any of it came as chunks.
        length: Characters of its text.
        before: What came as text alone, before the first chunk.
    """

    def __init__(self) -> None:
        self.chunked = False
        self.length = 0
        self.before: list[dict[str, Any]] = []
        self._blocks: list[dict[str, Any]] = []
        self._told = 0
        self._details = 0

    def add(self, chunks: Iterable[Any], *, ends: bool) -> dict[str, Any]:
        """Fields of the message or the delta for more chunks; thoughts are told whole once they are finished."""
        if not self.chunked:
            self.chunked, self._blocks = True, self.before
        texts, thoughts, notes = [], [], []
        for chunk in chunks:
            match chunk:
                case {"type": "text", "text": str(text)}:
                    texts.append(text)
                    self.length += len(text)
                case {"type": "thinking", "thinking": list(inner)}:
                    thoughts.append(_text_of(inner))
                case {"type": str(kind)} if "reference" in kind:
                    notes.append(self._note(chunk))
            self._keep(chunk)
        added: dict[str, Any] = {}
        if texts:
            added["content"] = "".join(texts)
        if thoughts:
            added["reasoning_content"] = "".join(thoughts)
        if details := self._finished(ends=ends):
            added["reasoning_details"] = details
        if notes:
            added["annotations"] = notes
        return added

    def whole(self) -> dict[str, Any]:
        """The turn in Mistral's own chunks, where the other fields could not rebuild it."""
        return {} if _is_plain(self._blocks) else {"native_content": native(self._blocks, FORM)}

    def _keep(self, chunk: dict[str, Any]) -> None:
        """Pieces of one text, or of one thought, are one block."""
        last = self._blocks[-1] if self._blocks else {}
        match last, chunk:
            case {"type": "text", "text": str(text)}, {"type": "text", "text": str(more)}:
                self._blocks[-1] = {**last, **chunk, "text": text + more}
            case {"type": "thinking", "thinking": list(inner)}, {"type": "thinking", "thinking": list(more)} if (
                not last.get("signature")
            ):
                self._blocks[-1] = {**last, **chunk, "thinking": _joined([*inner, *more])}
            case _:
                self._blocks.append({**chunk})

    def _finished(self, *, ends: bool) -> list[dict[str, Any]]:
        """Thoughts behind which something else has come, and that were not told yet."""
        done = len(self._blocks) - (0 if ends else 1)
        found = []
        for block in self._blocks[self._told : max(done, self._told)]:
            if block["type"] == "thinking":
                found.append(thought(_text_of(block["thinking"]), block.get("signature"), FORM, self._details))
                self._details += 1
        self._told = max(done, self._told)
        return found

    def _note(self, chunk: dict[str, Any]) -> dict[str, Any]:
        """A citation of the text before it."""
        text = next((block["text"] for block in reversed(self._blocks) if block.get("type") == "text"), "")
        place = {"start_index": self.length - len(text), "end_index": self.length}
        if isinstance(chunk.get("url"), str):
            page = {**place, "url": chunk["url"], "title": str(chunk.get("title") or chunk["url"])}
            return {"type": "url_citation", "url_citation": page}
        return {**chunk, **place}


def _text_of(inner: Sequence[Any]) -> str:
    return "".join(part["text"] for part in inner if part.get("type") == "text")


def _joined(inner: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts of a thought, texts that follow each other as one."""
    found: list[dict[str, Any]] = []
    for part in inner:
        if found and part.keys() == found[-1].keys() == _PLAIN_TEXT:
            found[-1] = {"type": "text", "text": found[-1]["text"] + part["text"]}
        else:
            found.append(part)
    return found


def _is_plain(blocks: Sequence[Mapping[str, Any]]) -> bool:
    """Whether thoughts and then one text are all that there is, with nothing that the other fields would lose."""
    kinds = [block.get("type") for block in blocks]
    if kinds != ["thinking"] * kinds.count("thinking") + ["text"] * kinds.count("text") or kinds.count("text") > 1:
        return False
    for block in blocks:
        if block["type"] == "text" and block.keys() - _PLAIN_TEXT:
            return False
        if block["type"] == "thinking":
            inner = block["thinking"]
            if block.keys() - _PLAIN_THOUGHT or any(part.keys() != _PLAIN_TEXT for part in inner):
                return False
    return True


def _complete(calls: list[dict[str, Any]], *, streamed: bool) -> bool:
    """Tool calls with what OpenAI's have always: a type, a place in streams, arguments as text."""
    changed = False
    for place, call in enumerate(calls):
        added: dict[str, Any] = {}
        if "type" not in call and (call.get("id") or not streamed):
            added["type"] = "function"
        if streamed and "index" not in call:
            added["index"] = place
        call.update(added)
        changed |= bool(added)
        function = call.get("function")
        if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
            changed = True
    return changed

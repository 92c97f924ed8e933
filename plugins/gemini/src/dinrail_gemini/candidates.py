"""What a candidate of Gemini's says, part by part, in OpenAI's words; the same for whole answers and for streams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from dinrail_gemini.contents import FORM, MADE_ID
from dinrail_sdk.translation import encrypted, native

__all__ = ["Candidate", "reason_of"]

_REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(
        (
            "SAFETY",
            "RECITATION",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
            "MODEL_ARMOR",
        ),
        "content_filter",
    ),
}
_KNOWN = frozenset({"content", "finishReason", "index", "logprobsResult", "citationMetadata"})


class Candidate:
    """Takes the parts of a candidate, in order, and tells what each adds to the message.

    Args:
        id: The answer's id, of which ids of calls are made that come without.
        index: Of the candidate.
    """

    def __init__(self, id: str, index: int) -> None:
        self._id = id
        self._index = index
        self._parts: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._run: list[str] = []
        self._calls: list[str] = []
        self._extra: dict[str, Any] = {}
        self._cited: list[Mapping[str, Any]] = []
        self._pieces = 0
        self._begins: list[int] = []
        self.odds: list[dict[str, Any]] = []

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return len(self._calls)

    def add(self, candidate: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a piece of the candidate adds: deltas of a message.

        Raises:
            ValueError: It is not as Gemini has it; as are ``AttributeError``, ``LookupError`` and ``TypeError``.
        """
        parts = (candidate.get("content") or {}).get("parts") or ()
        if isinstance(parts, str):
            raise TypeError("parts are a list")
        deltas = []
        for part in parts:
            if self._pieces == 0:
                self._begins.append(len("".join(self._texts).encode()))
            if (delta := self._add(part)) is not None:
                deltas.append(delta)
        self._pieces += 1
        self._extra |= {key: value for key, value in candidate.items() if key not in _KNOWN}
        self._cited += (candidate.get("citationMetadata") or {}).get("citations") or ()
        return deltas

    def _add(self, part: Mapping[str, Any]) -> dict[str, Any] | None:
        if part.get("thought"):
            return {"reasoning_content": _text(part["text"])} if part.get("text") else None
        if "text" in part:
            text = _text(part["text"])
            self._texts.append(text)
            if set(part) == {"text"}:
                self._run.append(text)
            else:
                self._keep(part)
            return {"content": text} if text else None
        self._keep(part)
        if "functionCall" in part:
            return {"tool_calls": [self._call(part["functionCall"])]}
        return None

    def _keep(self, part: Mapping[str, Any]) -> None:
        """Remember a part as it is; plain texts before it are one."""
        if self._run:
            self._parts.append({"text": "".join(self._run)})
            self._run = []
        self._parts.append(dict(part))

    def _call(self, call: Mapping[str, Any]) -> dict[str, Any]:
        place = len(self._calls)
        self._calls.append(call.get("id") or f"{MADE_ID}{self._id}_{self._index}_{place}")
        arguments = orjson.dumps(call.get("args") or {}).decode()
        function = {"name": call["name"], "arguments": arguments}
        return {"index": place, "id": self._calls[-1], "type": "function", "function": function}

    def end(self, reason: object) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """The finish reason, what the message gets at its end, and what else there is of the choice."""
        if self._run:
            self._parts.append({"text": "".join(self._run)})
            self._run = []
        last: dict[str, Any] = {}
        if _is_plain(self._parts):
            details = self._signatures()
            if details:
                last["reasoning_details"] = details
        else:
            last["native_content"] = native(self._parts, FORM)
        notes = [*self._citations(), *self._grounds()]
        if notes:
            last["annotations"] = notes
        word = reason_of(reason)
        finish = "tool_calls" if self._calls and word == "stop" else word
        return finish, last, {"native_finish_reason": reason, **self._extra}

    def _signatures(self) -> list[dict[str, Any]]:
        calls = iter(self._calls)
        found = []
        for place, part in enumerate(self._parts):
            call = next(calls) if "functionCall" in part else None
            if part.get("thoughtSignature"):
                found.append(encrypted(part["thoughtSignature"], FORM, place, call=call))
        return found

    def _citations(self) -> list[dict[str, Any]]:
        """Sources that the text repeats; with an address they are pages."""
        found = []
        for citation in self._cited:
            start, end = self._span(citation.get("startIndex") or 0, citation.get("endIndex") or 0)
            found.append(_note(start, end, citation.get("uri"), citation.get("title"), citation))
        return found

    def _grounds(self) -> list[dict[str, Any]]:
        """What was found in a search and which part of the text rests on it."""
        grounds = self._extra.get("groundingMetadata") or {}
        chunks = grounds.get("groundingChunks") or ()
        found = []
        for support in grounds.get("groundingSupports") or ():
            segment = support.get("segment") or {}
            begin = self._begin(segment.get("partIndex") or 0)
            start, end = (begin + (segment.get(name) or 0) for name in ("startIndex", "endIndex"))
            start, end = self._span(start, end)
            # A place that the list of sources does not have tells nothing, and is no reason to lose the answer.
            for chunk in [chunks[place] for place in support.get("groundingChunkIndices") or () if place < len(chunks)]:
                kinds = (chunk.get(kind) for kind in ("web", "retrievedContext", "maps", "image"))
                source: Mapping[str, Any] = next((one for one in kinds if one), {})
                url = source.get("uri") or source.get("sourceUri")
                found.append(_note(start, end, url, source.get("title"), chunk))
        return found

    def _begin(self, part: int) -> int:
        """Bytes of the text before a part, of which segments count; in a stream, whose pieces are no parts, none."""
        return self._begins[part] if self._pieces == 1 and part < len(self._begins) else 0

    def _span(self, start: int, end: int) -> tuple[int, int]:
        """Characters, where Gemini counts the bytes of UTF-8."""
        text = "".join(self._texts).encode()
        return len(text[:start].decode(errors="ignore")), len(text[:end].decode(errors="ignore"))


def reason_of(reason: object) -> str:
    """The finish reason; Gemini's own word where nobody else has one.

    Raises:
        TypeError: It is no word.
    """
    if type(reason) is not str:
        raise TypeError("a reason is a word")
    return _REASONS.get(reason, reason)


def _note(start: int, end: int, url: object, title: object, source: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(url, str):
        return {"type": "source", "source": source, "start_index": start, "end_index": end}
    page = {"start_index": start, "end_index": end, "url": url, "title": title if isinstance(title, str) else ""}
    return {"type": "url_citation", "url_citation": page}


def _is_plain(parts: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a text, its signature and calls rebuild the turn, in this order."""
    texts = 0
    called = False
    for part in parts:
        kinds = part.keys() - {"thoughtSignature"}
        if kinds == {"functionCall"}:
            called = True
        elif kinds == {"text"} and not called:
            texts += 1
            if texts > 1 and (part["text"] or texts > 2):
                return False
        else:
            return False
    return True


def _text(text: object) -> str:
    if type(text) is not str:
        raise TypeError("a text is text")
    return text

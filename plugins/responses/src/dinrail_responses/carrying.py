"""What an upstream wants back of its model's turn beside text and calls (decision 0044): pure."""

from __future__ import annotations

from typing import Any

from dinrail_responses.tools.interface import Json

__all__ = ["Carried", "more_of_call"]

_OF_CALLS = frozenset({"index", "id", "type", "function"})
_JOINED = ("text", "summary", "data")


class Carried:
    """Gathers it from the pieces of one answer; it is told so within the response, and never kept in items."""

    def __init__(self) -> None:
        self._details: list[Json] = []
        self._native: Any = None

    def hear(self, delta: Json) -> None:
        """Take in what a chunk says.

        Details come whole, or in pieces that have one index, as OpenRouter streams them.
        """
        for detail in delta.get("reasoning_details") or ():
            last = self._details[-1] if self._details else None
            if last is not None and _same(last, detail):
                joined = {name: last.get(name, "") + detail[name] for name in _JOINED if detail.get(name)}
                self._details[-1] = {**last, **{n: v for n, v in detail.items() if v is not None}, **joined}
            else:
                self._details.append(dict(detail))
        self._native = delta.get("native_content") or self._native

    def told(self) -> Json:
        """The fields of the assistant's message that say it."""
        told: Json = {"reasoning_details": self._details} if self._details else {}
        return told if self._native is None else {**told, "native_content": self._native}


def more_of_call(piece: Json) -> Json:
    """What a call carries beside its name and arguments, such as Google's ``extra_content``."""
    return {name: value for name, value in piece.items() if name not in _OF_CALLS and value is not None}


def _same(last: Json, detail: Json) -> bool:
    """Whether a detail goes on with the one before it."""
    return detail.get("index") is not None and all(last.get(name) == detail.get(name) for name in ("index", "type"))

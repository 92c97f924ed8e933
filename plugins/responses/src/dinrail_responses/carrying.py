"""What an upstream wants back of its model's turn beside text and calls (decision 0044): pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

from pydantic_core import from_json, to_json

from dinrail_responses.tools.interface import Json

__all__ = ["Carried", "Load", "more_of_call"]

_OF_CALLS = frozenset({"index", "id", "type", "function"})
_JOINED = ("text", "summary", "data")


class Carried:
    """Gathers it from the pieces of one answer."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """It, as an item of thoughts carries it under the server's seal from turn to turn (decision 0079).

    Attributes:
        owner: The instance that wants it back.
        fields: Of the assistant's message.
        calls: Of calls, by their ids.
        text: What the model thought in this item.
        behind: The item stands behind others of the turn, and not before all of them.
    """

    owner: str
    fields: Json
    calls: Json
    text: str = ""
    behind: bool = False

    def __bool__(self) -> bool:
        return bool(self.fields or self.calls)

    def packed(self) -> str:
        """It as a text."""
        return to_json(self).decode()

    @classmethod
    def of(cls, packed: str) -> Self:
        """It out of :meth:`packed`."""
        return cls(**from_json(packed))

    def without_calls(self) -> Load:
        """What of it holds although the turn's calls are told under other names and ids, as those that ran here are."""
        details = [detail for detail in self.fields.get("reasoning_details") or () if not detail.get("id")]
        return replace(self, fields={"reasoning_details": details} if details else {}, calls={})


def more_of_call(piece: Json) -> Json:
    """What a call carries beside its name and arguments, such as Google's ``extra_content``."""
    return {name: value for name, value in piece.items() if name not in _OF_CALLS and value is not None}


def _same(last: Json, detail: Json) -> bool:
    """Whether a detail goes on with the one before it."""
    return detail.get("index") is not None and all(last.get(name) == detail.get(name) for name in ("index", "type"))

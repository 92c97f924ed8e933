"""The text of an answer that is held to the schema of calls, turned into calls while it comes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pydantic_core import from_json

__all__ = ["CallReader", "Distinct", "Piece"]

_HEAD = re.compile(r'\{\s*"tool"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"(arguments|input)"\s*:\s*$')
_LONGEST_HEAD = 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """What a part of the text adds to one call.

    Attributes:
        index: Which call.
        name: The tool's name, in the call's first piece.
        custom: Whether the call is of a custom tool.
        text: More of the arguments (JSON without blanks between its tokens), or a custom tool's whole input.
    """

    index: int
    name: str | None = None
    custom: bool = False
    text: str = ""


class CallReader:
    """Reads ``{"tool": NAME, "arguments": {…}}``, one or an array of them, cut anywhere.

    However the same text is cut, the pieces of each call add up to the same, and a text that ends too early gives what
    is there of its last call (of a custom tool's, only the name).
    """

    def __init__(self) -> None:
        self._index = -1
        self._head = ""
        self._custom = False
        self._value: list[str] = []
        self._depth = 0
        self._begun = False
        self._string = False
        self._escaped = False
        self._reading = self._between

    @property
    def calls(self) -> int:
        """How many calls have begun, as far as their name is known."""
        return self._index + 1

    @property
    def whole(self) -> bool:
        """Whether the newest call has all of its content."""
        return self._reading in (self._trailing, self._between)

    def feed(self, text: str) -> list[Piece]:
        """What ``text`` adds."""
        pieces: list[Piece] = []
        for character in text:
            self._reading(character, pieces)
        self._flush(pieces)
        return pieces

    def _between(self, character: str, pieces: list[Piece]) -> None:
        """Outside of any call: brackets, commas, blanks."""
        if character == "{":
            self._head = "{"
            self._reading = self._heading

    def _heading(self, character: str, pieces: list[Piece]) -> None:
        if not character.isspace() and (found := _HEAD.fullmatch(self._head)):
            self._index += 1
            self._custom = found[2] == "input"
            self._depth, self._begun, self._string, self._escaped = 0, False, False, False
            self._reading = self._content
            pieces.append(Piece(self._index, name=from_json(found[1]), custom=self._custom))
            self._content(character, pieces)
        elif len(self._head) < _LONGEST_HEAD:
            self._head += character

    def _content(self, character: str, pieces: list[Piece]) -> None:
        if self._string:
            self._value.append(character)
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = True
            elif character == '"':
                self._string = False
                self._end_if_whole(pieces)
            return
        if self._depth == 0 and self._begun and character in "},":
            # A bare number or word has ended; the brace is the call's own.
            self._end(pieces)
            self._trailing(character, pieces)
        elif not character.isspace():
            self._value.append(character)
            self._begun = True
            if character == '"':
                self._string = True
            elif character in "{[":
                self._depth += 1
            elif character in "}]":
                self._depth -= 1
                self._end_if_whole(pieces)

    def _trailing(self, character: str, pieces: list[Piece]) -> None:
        if character == "}":
            self._reading = self._between

    def _end_if_whole(self, pieces: list[Piece]) -> None:
        if self._depth == 0:
            self._end(pieces)

    def _end(self, pieces: list[Piece]) -> None:
        if self._custom:
            pieces.append(Piece(self._index, custom=True, text=from_json("".join(self._value))))
            self._value.clear()
        else:
            self._flush(pieces)
        self._reading = self._trailing

    def _flush(self, pieces: list[Piece]) -> None:
        """Hand on what there is of the arguments; an input is decoded when it is whole."""
        if self._value and not self._custom:
            pieces.append(Piece(self._index, text="".join(self._value)))
            self._value.clear()


class Distinct:
    """Leaves out calls that were made before in the same answer: a small model that may call several repeats itself.

    A call is handed on once it is whole, since only then it is known to be another one.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str | None, str]] = set()
        self._held: list[Piece] = []
        self.calls = 0

    def feed(self, pieces: Iterable[Piece]) -> list[Piece]:
        """The pieces that may be handed on now."""
        done: list[Piece] = []
        for piece in pieces:
            if piece.name is not None:
                done += self.rest()
            self._held.append(piece)
        return done

    def rest(self, *, whole: bool = True) -> list[Piece]:
        """The pieces of the last call, once nothing more comes.

        Args:
            whole: Whether it is all there; one that was cut counts only where it is the only one.
        """
        held, self._held = self._held, []
        if not held or not (whole or self.calls == 0):
            return []
        call = (held[0].name, "".join(piece.text for piece in held))
        if call in self._seen:
            return []
        self._seen.add(call)
        self.calls += 1
        return [replace(piece, index=self.calls - 1) for piece in held]

"""A model's text, as it comes, taken apart into thoughts, answer and calls; pure, and without torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dinrail_transformers.forms import Call, calls_in, marks_of
from dinrail_transformers.plugin import CallForm

__all__ = ["THINK", "Piece", "Reader", "StopTexts"]

THINK = ("<think>", "</think>")
"""Between these stand the thoughts of Qwen, DeepSeek, and those that took after them."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer: one of the three.

    Attributes:
        text: More of the answer.
        thought: More of the thoughts.
        call: A whole call.
    """

    text: str = ""
    thought: str = ""
    call: Call | None = None


def _held(text: str, marks: Iterable[str]) -> int:
    """How many characters at the end could be the beginning of a mark."""
    longest = 0
    for mark in marks:
        for size in range(min(len(mark) - 1, len(text)), longest, -1):
            if text.endswith(mark[:size]):
                longest = size
                break
    return longest


def _first(text: str, marks: Iterable[str]) -> tuple[int, str] | None:
    """The mark that comes first, and where."""
    found = [(at, mark) for mark in marks if (at := text.find(mark)) >= 0]
    return min(found, key=lambda one: (one[0], -len(one[1]))) if found else None


class StopTexts:
    """Ends a text before the one of some texts that is complete first; what could be the beginning of one waits.

    Args:
        stops: The texts.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stopped = False
        self._stops = stops
        self._waiting = ""

    def feed(self, text: str) -> str:
        """What of the text so far may go on."""
        if not self._stops or self.stopped:
            return "" if self.stopped else text
        whole = self._waiting + text
        found = [(at + len(stop), at) for stop in self._stops if (at := whole.find(stop)) >= 0]
        if found:
            self.stopped, self._waiting = True, ""
            return whole[: min(found)[1]]
        held = _held(whole, self._stops)
        self._waiting = whole[len(whole) - held :]
        return whole[: len(whole) - held]

    def rest(self) -> str:
        """What waited, once nothing more comes."""
        rest, self._waiting = self._waiting, ""
        return rest


class Reader:
    """Takes a text apart.

    However it is cut, the pieces add up to the same. What stands between the marks of calls and is none comes as text,
    with its marks.

    Args:
        form: How calls are written; ``none`` where no tool is offered.
        thinks: Whether the model may think between :data:`THINK`.
        thinking: Whether the prompt has begun the thoughts already.
    """

    def __init__(self, form: CallForm, *, thinks: bool, thinking: bool = False) -> None:
        self.calls = 0
        self._form = form
        self._marks = marks_of(form)
        self._thinks = thinks
        self._state = "thought" if thinking else "text"
        self._waiting = ""
        self._mark = ""
        self._begun = False
        self._strip = thinking

    def feed(self, text: str) -> list[Piece]:
        """What the text adds."""
        self._waiting += text
        pieces: list[Piece] = []
        while self._step(pieces):
            pass
        return pieces

    def rest(self) -> list[Piece]:
        """What waited, once nothing more comes."""
        waiting, self._waiting = self._waiting, ""
        pieces: list[Piece] = []
        if self._state == "call":
            self._end_calls(waiting, "", pieces)
        elif waiting:
            self._say(waiting, pieces)
        return pieces

    def _step(self, pieces: list[Piece]) -> bool:
        """Read as far as the next mark; whether there was one."""
        if self._state == "text" and self._is_bare():
            self._state, self._mark = "call", ""
        ends = self._ends()
        found = _first(self._waiting, ends)
        if found is None:
            if self._state != "call":
                blank = self._state == "text" and self._could_be_bare() and not self._waiting.strip()
                held = len(self._waiting) if blank else _held(self._waiting, ends)
                self._say(self._waiting[: len(self._waiting) - held], pieces)
                self._waiting = self._waiting[len(self._waiting) - held :]
            return False
        at, mark = found
        before, self._waiting = self._waiting[:at], self._waiting[at + len(mark) :]
        if self._state == "call":
            self._end_calls(before, mark, pieces)
            self._state = "text"
        else:
            self._say(before, pieces)
            if mark == THINK[0] and self._begun:  # in the middle of an answer it is a word like any other
                self._waiting = mark + self._waiting
            else:
                self._enter(mark)
        return True

    def _enter(self, mark: str) -> None:
        if mark == THINK[0]:
            self._state, self._strip = "thought", True
        elif mark == THINK[1]:
            self._state, self._strip = "text", True
        else:
            self._state, self._mark = "call", mark

    def _ends(self) -> tuple[str, ...]:
        """What ends the present state."""
        if self._state == "thought":
            return (THINK[1],)
        if self._state == "call":
            end = self._marks.end if self._marks is not None else None
            return () if end is None else (end,)
        begins = self._marks.begin if self._marks is not None else ()
        return (*begins, THINK[0]) if self._thinks and not self._begun else begins

    def _is_bare(self) -> bool:
        """Whether the answer begins with a call without a mark."""
        return self._could_be_bare() and self._waiting.lstrip().startswith("{")

    def _could_be_bare(self) -> bool:
        return self._marks is not None and self._marks.bare and not self._begun

    def _say(self, text: str, pieces: list[Piece]) -> None:
        if self._strip:  # the line ends that templates put around thoughts
            text = text.lstrip("\n")
            self._strip = not text
        if text:
            thought = self._state == "thought"
            self._begun = self._begun or (not thought and bool(text.strip()))
            pieces.append(Piece(thought=text) if thought else Piece(text=text))

    def _end_calls(self, text: str, end: str, pieces: list[Piece]) -> None:
        calls = calls_in(text, self._form)
        if calls:
            self.calls += len(calls)
            self._begun = True
            pieces.extend(Piece(call=call) for call in calls)
            self._strip = True
        else:
            self._state = "text"
            self._say(self._mark + text + end, pieces)

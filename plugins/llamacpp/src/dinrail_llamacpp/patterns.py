"""Regular expressions, brought into the form that llama.cpp follows to the letter.

llama.cpp turns the ``pattern`` of a JSON schema into a grammar. It knows anchored patterns of literals, classes, groups
and repetitions, writes what they match into the JSON text as it is, without escaping, and takes *any* string where it
does not understand. So a pattern is translated first: shorthands become classes, missing anchors are made up for, and
whatever would need an escape in JSON (quotation mark, backslash, control characters) is taken out of classes. What the
translation matches, the original matches as well; the reverse need not hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NoReturn, TypeAlias

__all__ = ["PatternProblem", "translate"]

Ranges: TypeAlias = list[tuple[int, int]]
"""Code points, both ends included."""

_LAST = 0xFFFF
_WRITABLE: Ranges = [(0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, _LAST)]
"""What can stand in a JSON string without an escape, as far as a class can name it."""
_DIGIT: Ranges = [(0x30, 0x39)]
_WORD: Ranges = [(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)]
_BLANKS: Ranges = [(0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)] + [
    (code, code) for code in (0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF)
]
_SHORTHANDS = {"d": _DIGIT, "w": _WORD, "s": _BLANKS}
_LINE_ENDS: Ranges = [(0x2028, 0x2029)]
"""Those of the line ends, which ``.`` leaves out, that can be written."""
_CONTROLS = {"n": 0x0A, "r": 0x0D, "t": 0x09, "f": 0x0C, "v": 0x0B, "0": 0x00}
_MOST_REPEATS = 1000


class PatternProblem(ValueError):
    """The pattern cannot be followed; the message says why, in a few words."""


def translate(pattern: str, *, whole: bool = False) -> str:
    """The pattern in the form that is followed to the letter, anchored at both ends.

    Args:
        pattern: A regular expression as JSON Schema has it (ECMA 262).
        whole: Whether it must match the whole text; otherwise it may match anywhere unless it is anchored.

    Raises:
        PatternProblem: It uses something that cannot be followed.
    """
    return f"^({'|'.join(_Reader(pattern).branches(whole))})$"


def _problem(reason: str) -> NoReturn:
    raise PatternProblem(reason)


class _Reader:
    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._at = 0

    def branches(self, whole: bool) -> list[str]:
        """The alternatives of the whole pattern, each with what may surround it where it is not anchored."""
        anything = "" if whole else _class(_WRITABLE) + "*"
        found = []
        while True:
            begin = "" if self._take("^") else anything
            inner = self._sequence(outermost=True)
            found.append(begin + inner + ("" if self._take("$") else anything))
            if not self._take("|"):
                break
        if self._at < len(self._text):
            _problem("an anchor or a bracket stands where none can")
        return found

    def _sequence(self, *, outermost: bool) -> str:
        parts = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if self._text[self._at] in "^$":
                if outermost and self._text[self._at] == "$":
                    break
                _problem("an anchor stands inside it")
            parts.append(self._atom() + self._repetition())
        return "".join(parts)

    def _atom(self) -> str:
        character = self._next()
        match character:
            case "(":
                if self._take("?") and not self._take(":"):
                    _problem("groups that begin with '(?' are not known, except '(?:'")
                alternatives = [self._sequence(outermost=False)]
                while self._take("|"):
                    alternatives.append(self._sequence(outermost=False))
                if not self._take(")"):
                    _problem("a group is not closed")
                return f"({'|'.join(alternatives)})"
            case "[":
                return self._set()
            case ".":
                return _class(_without(_WRITABLE, _LINE_ENDS))
            case "\\":
                escaped = self._escape()
                return _literal(escaped) if isinstance(escaped, int) else _class(_writable(escaped))
            case "*" | "+" | "?" | "{":
                _problem("a repetition has nothing to repeat")
        return _literal(ord(character))

    def _repetition(self) -> str:
        if self._at >= len(self._text):
            return ""
        found = ""
        if self._text[self._at] in "*+?":
            found = self._next()
        elif self._text[self._at] == "{":
            end = self._text.find("}", self._at)
            low, comma, high = self._text[self._at + 1 : max(end, 0)].partition(",")
            if not low.isascii() or not low.isdecimal() or not (high == "" or (high.isascii() and high.isdecimal())):
                _problem("a repetition is malformed")
            if max(int(low), int(high or 0)) > _MOST_REPEATS or (high and int(high) < int(low)):
                _problem(f"a repetition is malformed or beyond {_MOST_REPEATS}")
            found = f"{{{int(low)}{comma}{int(high) if high else ''}}}"
            self._at = end + 1
        if found:
            self._take("?")  # a lazy repetition matches the same texts
            if self._at < len(self._text) and self._text[self._at] in "*+?{":
                _problem("a repetition is repeated")
        return found

    def _set(self) -> str:
        negated = self._take("^")
        ranges: Ranges = []
        while not self._take("]"):
            low = self._member()
            if isinstance(low, list):
                ranges += low
            elif self._text[self._at : self._at + 1] == "-" and self._text[self._at + 1 : self._at + 2] != "]":
                self._at += 1
                high = self._member()
                if isinstance(high, list) or high < low:
                    _problem("a range is malformed")
                ranges.append((low, high))
            else:
                ranges.append((low, low))
        return _class(_writable(_without(_WRITABLE, ranges) if negated else ranges))

    def _member(self) -> int | Ranges:
        character = self._next()
        if character != "\\":
            return ord(character)
        return 0x08 if self._take("b") else self._escape()

    def _escape(self) -> int | Ranges:
        character = self._next()
        if character.lower() in _SHORTHANDS:
            ranges = _SHORTHANDS[character.lower()]
            return ranges if character.islower() else _without(_WRITABLE, ranges)
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character in "xu":
            length = 2 if character == "x" else 4
            digits = self._text[self._at : self._at + length]
            self._at += length
            try:
                return (
                    int(digits, 16) if len(digits) == length and digits.isalnum() else _problem("a code is malformed")
                )
            except ValueError:
                _problem("a code is malformed")
        if character.isalnum() or not character.isascii():
            _problem(f"the escape '\\{character}' is not known")
        return ord(character)

    def _take(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _next(self) -> str:
        if self._at >= len(self._text):
            _problem("it ends too early")
        self._at += 1
        return self._text[self._at - 1]


def _literal(code: int) -> str:
    if code > _LAST:
        # A group of its own, since a code of more than four digits cannot be repeated otherwise.
        return f"({chr(code)})"
    if not _writable([(code, code)]):
        _problem("quotation marks, backslashes and control characters cannot be written")
    return chr(code) if chr(code).isascii() and chr(code).isalnum() else f"\\u{code:04x}"


def _class(ranges: Sequence[tuple[int, int]]) -> str:
    if not ranges:
        _problem("a class matches nothing that can be written")
    return (
        "[" + "".join(f"\\u{low:04x}" if low == high else f"\\u{low:04x}-\\u{high:04x}" for low, high in ranges) + "]"
    )


def _writable(ranges: Ranges) -> Ranges:
    return [
        (max(low, first), min(high, last))
        for first, last in _WRITABLE
        for low, high in sorted(ranges)
        if max(low, first) <= min(high, last)
    ]


def _without(ranges: Ranges, removed: Iterable[tuple[int, int]]) -> Ranges:
    left = list(ranges)
    for low, high in removed:
        left = [
            part
            for first, last in left
            for part in ((first, min(last, low - 1)), (max(first, high + 1), last))
            if part[0] <= part[1]
        ]
    return sorted(set(left))

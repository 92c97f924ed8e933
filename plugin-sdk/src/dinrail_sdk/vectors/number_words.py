"""Ranges of numbers in words, for engines that can tell whether a list has a word, and not which of two is greater.

A number is written as 16 hexadecimal digits that are ordered as numbers are, and a record gets a word for each of its
beginnings. All that is greater than a number begins as it does up to some digit and has a greater one there: at most
16 × 15 beginnings.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import TypeVar

from dinrail_core.api.vector_index import Attribute
from dinrail_sdk.vectors.narrowing import Order
from dinrail_sdk.vectors.tokens import TokenDialect, tokens

__all__ = ["NumberWordDialect", "words_with_numbers"]

E = TypeVar("E")

_DIGITS = "0123456789abcdef"
_SIGN = 1 << 63
_ONES = (1 << 64) - 1


def words_with_numbers(attributes: Mapping[str, Attribute]) -> list[str]:
    """The words of :func:`~dinrail_sdk.vectors.tokens.tokens`, and those by which ranges of numbers are found."""
    words = tokens(attributes)
    for key, value in attributes.items():
        if not isinstance(value, str | bool):
            digits = _digits(value)
            words += [_word(key, digits[:length]) for length in range(1, len(digits) + 1)]
    return words


class NumberWordDialect(TokenDialect[E]):
    """Filters of an engine that only knows whether a record has a word: equality and ranges of numbers exactly."""

    def ordered(self, order: Order, key: str, value: str | float) -> E | None:
        if isinstance(value, str):
            return None
        digits = _digits(value)
        beginnings = list(_beyond(digits, greater=order in ("gt", "gte")))
        if order in ("gte", "lte"):
            beginnings.append(digits)
        return self.has_any([_word(key, one) for one in beginnings])


def _digits(value: float) -> str:
    """A finite number as digits that are ordered as the numbers are."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", float(value) + 0.0))
    return f"{bits ^ _ONES if bits & _SIGN else bits ^ _SIGN:016x}"


def _beyond(digits: str, *, greater: bool) -> Iterator[str]:
    """With what all begins that is greater, or less."""
    for at, digit in enumerate(digits):
        place = _DIGITS.index(digit)
        for other in _DIGITS[place + 1 :] if greater else _DIGITS[:place]:
            yield digits[:at] + other


def _word(key: str, beginning: str) -> str:
    name = key.encode()
    said = len(name).to_bytes(8, "big") + name + b"r" + beginning.encode()
    return blake2b(said, digest_size=16).hexdigest()

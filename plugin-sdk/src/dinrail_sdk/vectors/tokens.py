"""Attributes as plain words, for engines that can tell whether a list has a word, and not much more."""

from __future__ import annotations

import struct
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar

from dinrail_core.api.vector_index import Attribute
from dinrail_sdk.vectors.narrowing import Dialect, Order

__all__ = ["TokenDialect", "token", "tokens"]

E = TypeVar("E")


def token(key: str, value: Attribute) -> str:
    """A word of 32 hexadecimal digits for one attribute; values that are equal to a filter have the same."""
    if isinstance(value, bool):
        said = b"b1" if value else b"b0"
    elif isinstance(value, str):
        said = b"s" + value.encode()
    else:
        said = b"n" + struct.pack(">d", float(value) + 0.0)
    name = key.encode()
    return blake2b(len(name).to_bytes(8, "big") + name + said, digest_size=16).hexdigest()


def tokens(attributes: Mapping[str, Attribute]) -> list[str]:
    """A word for each attribute."""
    return [token(key, value) for key, value in attributes.items()]


class TokenDialect(Dialect[E]):
    """Filters of an engine that only knows whether a record has a word: equality exactly, no order."""

    @abstractmethod
    def has(self, word: str) -> E:
        """The record has the word."""

    @abstractmethod
    def has_any(self, words: Sequence[str]) -> E:
        """The record has one of several words."""

    def equal(self, key: str, value: str | float | bool) -> E:
        return self.has(token(key, value))

    def one_of(self, key: str, values: Sequence[str | float]) -> E:
        return self.has_any([token(key, value) for value in values])

    def ordered(self, order: Order, key: str, value: str | float) -> E | None:
        return None

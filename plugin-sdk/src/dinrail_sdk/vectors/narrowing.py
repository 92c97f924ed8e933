"""A filter in an engine's own words, as far as the engine has any."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar, cast

from dinrail_core.api.items.filters import ComparisonFilter, Filter

__all__ = ["Dialect", "Narrowed", "Order", "narrowed", "ordered_text", "plain_text"]

E = TypeVar("E")

Order: TypeAlias = Literal["gt", "gte", "lt", "lte"]


class Dialect(ABC, Generic[E]):
    """What an engine can say. Each condition must be exactly what it stands for, also where attributes are missing."""

    @abstractmethod
    def equal(self, key: str, value: str | float | bool) -> E | None:
        """The attribute is there, of the value's type, and equal; ``None`` where the engine cannot say it."""

    @abstractmethod
    def ordered(self, order: Order, key: str, value: str | float) -> E | None:
        """The attribute is there, of the value's type, and stands so; ``None`` where the engine cannot say it."""

    @abstractmethod
    def all_of(self, parts: Sequence[E]) -> E:
        """Each of two or more."""

    @abstractmethod
    def any_of(self, parts: Sequence[E]) -> E:
        """At least one of two or more."""

    @abstractmethod
    def no(self, part: E) -> E:
        """The opposite."""

    def one_of(self, key: str, values: Sequence[str | float]) -> E | None:
        """The attribute equals one of several values; override it where there is a shorter word for that."""
        parts = [self.equal(key, value) for value in values]
        known = [part for part in parts if part is not None]
        return self.any_of(known) if len(known) == len(parts) else None


@dataclass(frozen=True, slots=True)
class Narrowed(Generic[E]):
    """What an engine is to be asked.

    Attributes:
        condition: Holds for everything that matches; ``None`` where that is everything.
        exact: Whether it holds for nothing else, so that nobody needs to look once more.
        nothing: Whether nothing can match.
    """

    condition: E | None
    exact: bool
    nothing: bool = False


def narrowed(filter: Filter | None, dialect: Dialect[E]) -> Narrowed[E]:
    """What to ask an engine for a filter.

    Args:
        filter: A filter that :func:`~dinrail_core.api.vector_index.check_filter` accepts.
        dialect: What the engine can say.
    """
    if filter is None:
        return Narrowed(None, True)
    if isinstance(filter, ComparisonFilter):
        return _comparison(filter, dialect)
    parts = [narrowed(one, dialect) for one in filter.filters]
    return _all(parts, dialect) if filter.type == "and" else _any(parts, dialect)


def _all(parts: Sequence[Narrowed[E]], dialect: Dialect[E]) -> Narrowed[E]:
    if any(part.nothing for part in parts):
        return Narrowed(None, True, nothing=True)
    known = [part.condition for part in parts if part.condition is not None]
    exact = all(part.exact for part in parts)
    if len(known) < 2:
        return Narrowed(known[0] if known else None, exact)
    return Narrowed(dialect.all_of(known), exact)


def _any(parts: Sequence[Narrowed[E]], dialect: Dialect[E]) -> Narrowed[E]:
    parts = [part for part in parts if not part.nothing]
    if not parts:
        return Narrowed(None, True, nothing=True)
    known = [part.condition for part in parts if part.condition is not None]
    if len(known) < len(parts):
        return Narrowed(None, any(part.condition is None and part.exact for part in parts))
    exact = all(part.exact for part in parts)
    return Narrowed(dialect.any_of(known) if len(known) > 1 else known[0], exact)


def _comparison(filter: ComparisonFilter, dialect: Dialect[E]) -> Narrowed[E]:
    negated = filter.type in ("ne", "nin")
    condition: E | None
    if isinstance(filter.value, list):
        if not filter.value:
            return Narrowed(None, True, nothing=not negated)
        values = list(dict.fromkeys(filter.value))
        condition = dialect.one_of(filter.key, values) if len(values) > 1 else dialect.equal(filter.key, values[0])
    elif filter.type in ("eq", "ne"):
        condition = dialect.equal(filter.key, filter.value)
    else:
        condition = dialect.ordered(cast("Order", filter.type), filter.key, filter.value)
    if condition is None:
        return Narrowed(None, False)
    return Narrowed(dialect.no(condition) if negated else condition, True)


def ordered_text(text: str) -> str:
    """The text without NUL, for engines that cannot store it; the order is kept, and no two texts become one."""
    return text.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")


def plain_text(text: str) -> str:
    """The text as letters and digits, for names that an engine gives a meaning to; the order is kept."""
    return text.encode().hex()

"""What filters mean, and that an engine's own words never lose a match."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.vector_index import Attribute
from dinrail_sdk.testing.vector_samples import comparison, compound, random_attributes, random_filter
from dinrail_sdk.vectors.filters import matcher
from dinrail_sdk.vectors.narrowing import Dialect, Order, narrowed, ordered_text, plain_text
from dinrail_sdk.vectors.number_words import NumberWordDialect, words_with_numbers
from dinrail_sdk.vectors.tokens import token

Condition = Callable[[Mapping[str, Attribute]], bool]

SEEDS = st.integers(0, 2**32)


class Words(Dialect[Condition]):
    """An engine that knows equality, and of some keys the order."""

    def __init__(self, lacks: Callable[[str], bool]) -> None:
        self.lacks = lacks

    def equal(self, key: str, value: str | float | bool) -> Condition | None:
        return None if self.lacks(key) else matcher(comparison("eq", key, value))

    def ordered(self, order: Order, key: str, value: str | float) -> Condition | None:
        return None if isinstance(value, str) or self.lacks(key) else matcher(comparison(order, key, value))

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        assert len(parts) >= 2
        return lambda attributes: all(part(attributes) for part in parts)

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        assert len(parts) >= 2
        return lambda attributes: any(part(attributes) for part in parts)

    def no(self, part: Condition) -> Condition:
        return lambda attributes: not part(attributes)


@given(SEEDS)
def test_an_engines_words_hold_for_every_match_and_for_nothing_else_where_they_are_exact(seed: int) -> None:
    source = random.Random(seed)
    filter = random_filter(source)
    for lacks in (lambda key: False, lambda key: key == "a", lambda key: True):
        asked = narrowed(filter, Words(lacks))
        for _ in range(20):
            attributes = random_attributes(source)
            right = matcher(filter)(attributes)
            held = not asked.nothing and (asked.condition is None or asked.condition(attributes))
            assert held or not right
            assert held == right or not asked.exact


@given(SEEDS)
def test_ne_and_nin_are_the_opposites_of_eq_and_in(seed: int) -> None:
    source = random.Random(seed)
    attributes = random_attributes(source)
    value = source.choice(("a", 1, 1.0, True, "1", -2.5))
    assert matcher(comparison("eq", "a", value))(attributes) != matcher(comparison("ne", "a", value))(attributes)
    assert matcher(comparison("in", "b", ["a", 1]))(attributes) != matcher(comparison("nin", "b", ["a", 1]))(attributes)


@given(SEEDS)
def test_and_and_or_follow_de_morgan(seed: int) -> None:
    source = random.Random(seed)
    attributes = random_attributes(source)
    both = compound("and", comparison("eq", "a", 1), comparison("eq", "b", "a"))
    neither = compound("or", comparison("ne", "a", 1), comparison("ne", "b", "a"))
    assert matcher(both)(attributes) != matcher(neither)(attributes)


@given(st.lists(st.text(alphabet="\x00\x01\x02ab\U0001f600", max_size=6), min_size=2, max_size=2))
def test_text_without_nul_keeps_its_order(texts: list[str]) -> None:
    one, other = texts
    for written in (ordered_text, plain_text):
        assert "\x00" not in written(one)
        assert (written(one) < written(other), written(one) == written(other)) == (one < other, one == other)


def test_one_word_stands_for_what_is_equal_and_for_nothing_else() -> None:
    assert token("a", 1) == token("a", 1.0)
    assert token("a", -0.0) == token("a", 0)
    different = [token("a", value) for value in (1, True, "1", "true", 0, False, "")] + [
        token("", "a1"),
        token("a1", ""),
    ]
    assert len(set(different)) == len(different)


class Lists(NumberWordDialect[Condition]):
    """An engine that knows which words a record has, and nothing else; it looks at the attributes' own words."""

    def has(self, word: str) -> Condition:
        return lambda attributes: word in words_with_numbers(attributes)

    def has_any(self, words: Sequence[str]) -> Condition:
        return lambda attributes: not set(words).isdisjoint(words_with_numbers(attributes))

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        return lambda attributes: all(part(attributes) for part in parts)

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        return lambda attributes: any(part(attributes) for part in parts)

    def no(self, part: Condition) -> Condition:
        return lambda attributes: not part(attributes)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60) | st.just(-0.0)


@given(NUMBERS, NUMBERS, st.sampled_from(("gt", "gte", "lt", "lte")))
def test_words_say_which_of_two_numbers_is_greater(there: float, value: float, order: Order) -> None:
    asked = narrowed(comparison(order, "a", value), Lists())
    assert asked.exact
    assert asked.condition is not None
    assert asked.condition({"a": there}) == matcher(comparison(order, "a", value))({"a": there})
    assert not asked.condition({"b": there})
    assert not asked.condition({"a": str(there)})


def test_words_know_no_order_of_texts() -> None:
    assert not narrowed(comparison("gt", "a", "x"), Lists()).exact

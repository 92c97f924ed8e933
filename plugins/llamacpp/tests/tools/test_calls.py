from __future__ import annotations

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dinrail_llamacpp.tools.calls import CallReader, Distinct, Piece

NAMES = st.text("abcdefghijklmnopqrstuvwxyz_-0123456789", min_size=1, max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.text(max_size=6), JSON, max_size=4) | JSON
CALLS = st.lists(
    st.builds(lambda name, content: {"tool": name, "arguments": content}, NAMES, ARGUMENTS)
    | st.builds(lambda name, content: {"tool": name, "input": content}, NAMES, st.text(max_size=20)),
    min_size=1,
    max_size=4,
)


def cut(text: str, at: list[int]) -> list[str]:
    edges = [0, *sorted(place % (len(text) + 1) for place in at), len(text)]
    return [text[first:last] for first, last in itertools.pairwise(edges)]


def joined(pieces: list[Piece]) -> list[tuple[str | None, bool, str]]:
    found: dict[int, tuple[str | None, bool, str]] = {}
    for piece in pieces:
        name, _, text = found.get(piece.index, (piece.name, piece.custom, ""))
        assert piece.name is None or piece.index not in found
        found[piece.index] = (name, piece.custom, text + piece.text)
    assert list(found) == list(range(len(found)))
    return list(found.values())


def read(parts: list[str]) -> list[Piece]:
    reader = CallReader()
    return [piece for part in parts for piece in reader.feed(part)]


@given(CALLS, st.sampled_from([None, 0, 2, 8]), st.booleans(), st.lists(st.integers(0), max_size=12))
def test_calls_are_read_however_their_text_is_cut(
    calls: list[dict[str, Any]], indent: int | None, ascii_only: bool, at: list[int]
) -> None:
    content: Any = calls[0] if len(calls) == 1 else calls
    text = json.dumps(content, indent=indent, ensure_ascii=ascii_only)
    found = joined(read(cut(text, at)))
    assert found == joined(read([text]))
    assert [name for name, _, _ in found] == [call["tool"] for call in calls]
    for (_, custom, told), call in zip(found, calls, strict=True):
        assert custom is ("input" in call)
        assert (told if custom else json.loads(told)) == call.get("arguments", call.get("input"))


@given(CALLS, st.integers(0))
def test_what_ends_too_early_gives_a_beginning(calls: list[dict[str, Any]], end: int) -> None:
    text = json.dumps(calls, indent=1)
    whole = joined(read([text]))
    part = joined(read([text[: end % len(text)]]))
    assert len(part) <= len(whole)
    for (name, custom, told), (whole_name, whole_custom, whole_told) in zip(part, whole, strict=False):
        assert (name, custom) == (whole_name, whole_custom)
        assert whole_told.startswith(told)


def test_arguments_have_no_blanks_between_their_tokens() -> None:
    (call,) = joined(read(['{ "tool" : "a",\n "arguments": {\n "x y" : [ 1,\t2 ],\n "z": " b " } }']))
    assert call == ("a", False, '{"x y":[1,2],"z":" b "}')


def test_a_call_is_whole_once_its_content_is() -> None:
    reader = CallReader()
    for text, whole in (('[{"tool":"a","arguments":{"x"', False), (":1}", True), ("},{", False), ('"tool":"b"', False)):
        reader.feed(text)
        assert reader.whole is whole, text


def test_text_that_is_no_call_gives_none() -> None:
    reader = CallReader()
    assert reader.feed('{"answer": 1} and [more] {"tool": 1, "arguments": {}}') == []
    assert reader.calls == 0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["{}", '{"x":1}'])), max_size=6), st.integers(1, 3))
def test_repeated_calls_are_left_out_and_the_rest_renumbered(made: list[tuple[str, str]], grain: int) -> None:
    distinct, found = Distinct(), []
    for index, (name, arguments) in enumerate(made):
        texts = [arguments[place : place + grain] for place in range(0, len(arguments), grain)]
        found += distinct.feed([Piece(index, name=name)])
        for text in texts:
            found += distinct.feed([Piece(index, text=text)])
    found += distinct.rest()
    assert [(name, text) for name, _, text in joined(found)] == list(dict.fromkeys(made))


def test_a_call_that_was_cut_counts_only_where_it_is_the_only_one() -> None:
    first, cut_off = [Piece(0, name="a"), Piece(0, text="{}")], [Piece(1, name="b"), Piece(1, text='{"x')]
    several = Distinct()
    assert several.feed([*first, *cut_off]) == first
    assert several.rest(whole=False) == []
    alone = Distinct()
    assert alone.feed(first) == []
    assert alone.rest(whole=False) == first

"""Wherever a file is cut into pieces, the same is found, and its chunks hold every request once."""

from __future__ import annotations

import json
from itertools import pairwise

from desk import chat_line
from hypothesis import given
from hypothesis import strategies as st

from dinrail_batches import checking
from dinrail_batches.checking import Checker, split

ENDPOINT = "/v1/chat/completions"

_LINES = [b"", b"   \r", b"{", b"[]", b"\xff\x00", *(json.dumps(chat_line(f"line-{n}")).encode() for n in range(4))]
_files = st.lists(st.sampled_from(_LINES), max_size=20).map(b"\n".join)


def checked(pieces: list[bytes], most: int = 1_000) -> Checker:
    checker = Checker(ENDPOINT, most)
    for piece in pieces:
        checker.feed(piece)
    checker.finish()
    return checker


@given(_files, st.lists(st.integers(0, 2_000), max_size=5))
def test_pieces_make_no_difference(file: bytes, cuts: list[int]) -> None:
    places = sorted({0, len(file), *(min(cut, len(file)) for cut in cuts)})
    pieces = [file[start:stop] for start, stop in pairwise(places)]
    whole, parts = checked([file]), checked(pieces)
    assert (whole.errors, whole.chunks, whole.requests) == (parts.errors, parts.chunks, parts.requests)


@given(_files)
def test_chunks_hold_every_request_once_by_its_number(file: bytes) -> None:
    found = [
        request for chunk in checked([file]).chunks for request in split(file[chunk.start : chunk.stop], chunk.first)
    ]
    lines = [(number, line) for number, line in enumerate(file.split(b"\n"), 1) if line.strip()]
    assert [number for number, _ in found] == [number for number, _ in lines]
    assert [line for number, line in found if number > 1] == [line for number, line in lines if number > 1]


def test_a_file_is_cut_where_a_chunk_has_enough_lines_or_bytes() -> None:
    small = checked([b"".join(json.dumps(chat_line(str(n))).encode() + b"\n" for n in range(600))])
    assert [chunk.requests for chunk in small.chunks] == [250, 250, 100]
    large = checked([json.dumps(chat_line(str(n), "a" * 3_000_000)).encode() + b"\n" for n in range(3)])
    assert [chunk.requests for chunk in large.chunks] == [1, 1, 1]
    assert not large.errors


def test_a_line_that_is_too_long_is_not_held_in_memory() -> None:
    checker = Checker(ENDPOINT, 10)
    for _ in range(20):
        checker.feed(b"a" * 1024 * 1024)
        assert sum(map(len, checker._rest)) <= checking.LONGEST_LINE
    checker.feed(b"\n")
    checker.finish()
    assert [(error["code"], error["line"]) for error in checker.errors] == [("line_too_long", 1)]


def test_a_mark_at_the_beginning_of_a_file_is_no_part_of_its_first_line() -> None:
    line = b"\xef\xbb\xbf" + json.dumps(chat_line("a")).encode()
    assert checked([line]).errors == []
    assert json.loads(next(iter(split(line, 1)))[1])["custom_id"] == "a"

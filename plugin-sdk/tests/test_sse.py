from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.answers import frames
from dinrail_sdk.sse import FrameCutter, FrameTooLong, LineCutter

LINES = st.sampled_from(
    [b"data: {}", b"data:x", b"data", b": note", b"event: e", b"id: 7", b"", "data: \u00e4\u20ac".encode()]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Streams of any lines with any line ends, ended properly."""
    bom = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    lines = draw(st.lists(st.tuples(LINES, ENDS), max_size=12))
    return bom + b"".join(line + end for line, end in lines) + b"\n\n"


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges)]


def fed(pieces: list[bytes]) -> bytes:
    cutter = FrameCutter()
    return b"".join([cutter.feed(piece) for piece in pieces]) + cutter.rest()


@given(streams(), st.lists(st.integers(min_value=0, max_value=10_000), max_size=8))
def test_the_same_frames_come_out_however_the_bytes_are_cut(stream: bytes, places: list[int]) -> None:
    assert fed(cut(stream, places)).rstrip(b"\n") == fed([stream]).rstrip(b"\n")


@given(streams())
def test_the_same_frames_come_out_byte_by_byte(stream: bytes) -> None:
    assert frames(fed([bytes([byte]) for byte in stream])) == frames(stream.removeprefix(b"\xef\xbb\xbf"))


@given(streams(), st.lists(st.integers(min_value=0, max_value=10_000), max_size=8))
def test_every_output_ends_with_a_frame(stream: bytes, places: list[int]) -> None:
    cutter = FrameCutter()
    for piece in cut(stream, places):
        whole = cutter.feed(piece)
        assert whole == b"" or whole.endswith(b"\n\n")
        assert b"\r" not in whole


def test_whole_frames_pass_as_the_very_object_that_came() -> None:
    cutter = FrameCutter()
    cutter.feed(b"data: 1\n\n")
    read = b"data: 2\n\ndata: 3\n\n"
    assert cutter.feed(read) is read


def test_a_carriage_return_ends_a_line_and_swallows_the_line_feed_of_the_next_read() -> None:
    cutter = FrameCutter()
    assert cutter.feed(b"data: 1\r") == b""
    assert cutter.feed(b"\n\r") == b"data: 1\n\n"
    assert cutter.feed(b"\ndata: 2\n\n") == b"data: 2\n\n"


def test_a_frame_without_its_blank_line_is_the_rest() -> None:
    cutter = FrameCutter()
    assert cutter.feed(b"data: 1\n\ndata: 2\n") == b"data: 1\n\n"
    assert cutter.rest() == b"data: 2"
    assert cutter.rest() == b""


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_line_that_never_ends_is_refused_at_the_limit(size: int) -> None:
    cutter = FrameCutter(limit=100)
    for _ in range(100 // size):
        assert cutter.feed(b"x" * size) == b""
    with pytest.raises(FrameTooLong):
        cutter.feed(b"x" * size)


@pytest.mark.parametrize("pieces", [1, 2, 50])
def test_a_frame_over_the_limit_is_refused_also_when_it_ends(pieces: int) -> None:
    frame = b"data: " + b"x" * 200 + b"\n\n"
    step = -(-len(frame) // pieces)
    cutter = FrameCutter(limit=100)

    def feed_all() -> None:
        for start in range(0, len(frame), step):
            cutter.feed(frame[start : start + step])

    with pytest.raises(FrameTooLong):
        feed_all()


def test_many_frames_in_one_read_may_exceed_the_limit_of_one() -> None:
    read = b"data: 1\n\n" * 100
    assert FrameCutter(limit=100).feed(read) == read


@given(
    st.lists(st.binary(max_size=9).map(lambda line: line.replace(b"\n", b"")), max_size=9), st.lists(st.integers(0, 99))
)
def test_the_same_lines_come_out_however_the_bytes_are_cut(lines: list[bytes], places: list[int]) -> None:
    stream = b"\n".join(lines)
    cutter = LineCutter()
    whole = [cutter.feed(piece) for piece in cut(stream, places)]
    assert all(part == b"" or part.endswith(b"\n") for part in whole)
    assert b"".join(whole) + cutter.rest() == stream


@pytest.mark.parametrize("pieces", [[b"x" * 11], [b"x" * 6, b"x" * 6], [b"x" * 11 + b"\n"]])
def test_a_line_without_end_is_refused(pieces: list[bytes]) -> None:
    cutter = LineCutter(limit=10)
    *fitting, last = pieces
    assert [cutter.feed(piece) for piece in fitting] == [b""] * len(fitting)
    with pytest.raises(FrameTooLong):
        cutter.feed(last)

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import aclosing
from typing import Any, Generic, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.api.answers import DONE, Answer, Stream, encode_event, frames
from dinrail_core.api.wire import Wire
from dinrail_core.errors import UpstreamFailed, UpstreamInvalid


class Event(Wire):
    n: int


Item = TypeVar("Item")


class Source(Generic[Item]):
    """Yields what it is given and remembers how it ended."""

    def __init__(self, items: Sequence[Item], error: Exception | None = None) -> None:
        self.items = items
        self.error = error
        self.taken = 0
        self.ended = False
        self.closings = 0

    async def __call__(self) -> AsyncGenerator[Item, None]:
        try:
            for item in self.items:
                self.taken += 1
                yield item
            if self.error is not None:
                raise self.error
        finally:
            self.ended = True

    async def close(self) -> None:
        self.closings += 1


def stream_of(source: Source[bytes] | Source[Event]) -> Stream[Event]:
    if isinstance(source.items[0], bytes):
        return Stream(Event, reads=cast("Source[bytes]", source)(), close=source.close)
    return Stream(Event, values=cast("Source[Event]", source)(), close=source.close)


def look(stream: Stream[Event], way: str) -> AsyncIterable[object]:
    return stream.reads() if way == "reads" else stream


async def drain(items: AsyncIterable[object], seen: list[object]) -> None:
    async for item in items:
        seen.append(item)


READS = [b'data: {"n": 1, "x": 1.50}\n\n', b'data: {"n": 2}\n\ndata: {"n": 3}\n\n']
VALUES = [Event(n=1), Event(n=2), Event(n=3)]


def test_an_answer_of_bytes_is_handed_on_as_it_came() -> None:
    body = b'{ "n":1.0e0,"x": null }'

    assert Answer(Event, body=body).body is body


def test_an_answer_of_bytes_is_typed_when_somebody_looks_and_only_once() -> None:
    answer = Answer(Event, body=b'{"n": 1, "x": 2}')

    assert answer.value == Event.model_validate({"n": 1, "x": 2})
    assert answer.value is answer.value
    assert answer.body == b'{"n": 1, "x": 2}'


def test_bytes_that_are_no_answer_hurt_only_who_looks() -> None:
    answer = Answer(Event, body=b"<html>")

    assert answer.body == b"<html>"
    with pytest.raises(UpstreamInvalid):
        _ = answer.value


def test_an_answer_of_a_value_is_written_once() -> None:
    value = Event(n=1)
    answer = Answer.of(value)

    assert answer.value is value
    assert answer.wire is Event
    assert answer.body == b'{"n":1}'
    assert answer.body is answer.body


def test_an_answer_carries_the_upstreams_headers() -> None:
    assert dict(Answer.of(Event(n=1)).headers) == {}
    assert Answer(Event, body=b"", headers={"x-request-id": "1"}).headers == {"x-request-id": "1"}


def test_an_answer_of_nothing_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="body or a value"):
        Answer(Event)


async def test_a_stream_of_reads_is_relayed_as_it_came() -> None:
    source = Source(READS)

    async with aclosing(stream_of(source)) as stream:
        assert [read async for read in stream.reads()] == READS
    assert source.ended


async def test_a_stream_of_reads_is_seen_event_by_event() -> None:
    async with aclosing(stream_of(Source(READS))) as stream:
        events = [event async for event in stream]

    assert [event.n for event in events] == [1, 2, 3]
    assert events[0].model_dump() == {"n": 1, "x": 1.5}


async def test_a_stream_of_values_is_written_event_by_event() -> None:
    async with aclosing(stream_of(Source(VALUES))) as stream:
        reads = [read async for read in stream.reads()]

    assert reads == [b'data: {"n":1}\n\n', b'data: {"n":2}\n\n', b'data: {"n":3}\n\n']


async def test_a_stream_of_values_is_seen_as_it_is() -> None:
    async with aclosing(Stream.of(Event, Source(VALUES)())) as stream:
        seen = [event async for event in stream]

    assert all(event is value for event, value in zip(seen, VALUES, strict=True))


@pytest.mark.parametrize(
    ("items", "way", "before"), [(READS, "reads", 2), (READS, "events", 3), (VALUES, "reads", 3), (VALUES, "events", 3)]
)
async def test_errors_are_raised_from_the_iteration_after_what_came_before(
    items: list[Any], way: str, before: int
) -> None:
    source = Source[Any](items, UpstreamFailed("It broke."))
    seen: list[object] = []

    with pytest.raises(UpstreamFailed, match="It broke"):
        await drain(look(stream_of(source), way), seen)

    assert len(seen) == before
    assert source.ended


async def test_an_event_that_does_not_fit_ends_the_iteration_and_its_source() -> None:
    source = Source([b'data: {"n": 1}\n\n', b'data: {"n": "two"}\n\n', b'data: {"n": 3}\n\n'])
    seen: list[object] = []

    with pytest.raises(UpstreamInvalid):
        await drain(stream_of(source), seen)

    assert seen == [Event(n=1)]
    assert source.ended
    assert source.taken == 2


@pytest.mark.parametrize("way", ["reads", "events"])
@pytest.mark.parametrize("items", [READS, VALUES])
async def test_a_stream_that_is_left_early_is_closed(items: list[Any], way: str) -> None:
    source = Source[Any](items)

    async with aclosing(stream_of(source)) as stream:
        async for _ in look(stream, way):
            break
        assert not source.ended

    assert source.ended
    assert source.closings == 1
    assert source.taken == 1


@pytest.mark.parametrize("items", [READS, VALUES])
async def test_a_stream_that_was_never_begun_closes_what_it_would_have_read_from(items: list[Any]) -> None:
    source = Source[Any](items)
    stream = stream_of(source)

    await stream.aclose()

    assert source.taken == 0
    assert source.closings == 1
    assert [read async for read in stream.reads()] == []


async def test_closing_twice_closes_once() -> None:
    source = Source(READS)
    stream = stream_of(source)

    await stream.aclose()
    await stream.aclose()

    assert source.closings == 1


async def test_what_a_stream_reads_from_is_closed_even_if_its_generator_fails_to_end() -> None:
    async def stubborn() -> AsyncGenerator[bytes, None]:
        try:
            yield READS[0]
        finally:
            raise UpstreamFailed("It broke while closing.")

    source = Source(READS)
    stream = Stream(Event, reads=stubborn(), close=source.close)
    await anext(stream.reads())

    with pytest.raises(UpstreamFailed):
        await stream.aclose()

    assert source.closings == 1


async def test_a_stream_is_made_of_reads_or_of_values() -> None:
    with pytest.raises(TypeError, match="reads or of values"):
        Stream(Event)
    reads, values = Source(READS)(), Source(VALUES)()
    with pytest.raises(TypeError, match="reads or of values"):
        Stream(Event, reads=reads, values=values)
    await reads.aclose()
    await values.aclose()


def test_an_event_is_written_as_one_frame() -> None:
    assert encode_event(Event(n=1)) == b'data: {"n":1}\n\n'
    assert encode_event(Event(n=1), "error") == b'event: error\ndata: {"n":1}\n\n'
    assert DONE == b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("read", "found"),
    [
        (b"", []),
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\n", [b"a"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"event: e\nid: 1\ndata: a\nretry: 10\n\n", [b"a"]),
        (b": ping\n\n", []),
        (b": ping\ndata: a\n\n", [b"a"]),
        (b"data:\n\n", []),
        (b"data: \n\ndata: a\n\n", [b"a"]),
        (b"data\n\n", []),
        (b"database: a\n\n", []),
        (b"\n\n\n\ndata: a\n\n\n\n", [b"a"]),
        ('data: {"a": "\u2028"}\n\n'.encode(), ['{"a": "\u2028"}'.encode()]),
    ],
)
def test_the_data_of_frames_is_found(read: bytes, found: list[bytes]) -> None:
    assert frames(read) == found


@given(st.lists(st.integers()))
def test_what_is_written_as_frames_is_read_from_them(numbers: list[int]) -> None:
    read = b"".join(encode_event(Event(n=number)) for number in numbers)

    assert [Event.model_validate_json(data).n for data in frames(read)] == numbers

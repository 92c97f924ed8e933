"""AWS's framing; the messages are written by the SDK's fake, and read by botocore."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_bedrock.framing import MessageCutter
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.sse import FrameTooLong
from dinrail_sdk.testing.aws import event_message


def message(kind: str, payload: bytes) -> bytes:
    return event_message({":event-type": kind, ":message-type": "event"}, payload)


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=2), max_size=5),
    st.lists(st.integers(0, 900), max_size=9),
)
def test_however_a_stream_is_cut_the_same_events_come_out(payloads: list[dict[str, str]], places: list[int]) -> None:
    wire = b"".join(message("kind", json.dumps(one, indent=1).encode()) for one in payloads)
    cutter = MessageCutter()
    reads = [wire[start:stop] for start, stop in pairwise([0, *sorted(places), len(wire) + 900])]
    lines = (b"".join(cutter.feed(read) for read in reads if read) + cutter.rest()).splitlines()
    assert [json.loads(line) for line in lines] == [{"kind": one} for one in payloads]


def test_errors_are_lines_as_well() -> None:
    thrown = event_message({":exception-type": "throttlingException", ":message-type": "exception"}, b'{"message":"a"}')
    broken = event_message({":message-type": "error", ":error-code": "Internal", ":error-message": "b"}, b"")
    lines = MessageCutter().feed(thrown + broken + message("empty", b"")).splitlines()
    assert [json.loads(line) for line in lines] == [
        {"throttlingException": {"message": "a"}},
        {"error": {"code": "Internal", "message": "b"}},
        {"empty": {}},
    ]


@pytest.mark.parametrize("place", [4, 9, 14, 40, -1])
def test_a_damaged_message_is_the_upstreams_fault_and_those_before_it_count(place: int) -> None:
    good = message("kind", b'{"a":1}')
    damaged = bytearray(good)
    damaged[place] ^= 1
    cutter = MessageCutter()
    assert cutter.feed(good + bytes(damaged)) == b'{"kind":{"a":1}}\n'
    with pytest.raises(UpstreamInvalid):
        cutter.rest()
    with pytest.raises(UpstreamInvalid):
        MessageCutter().feed(bytes(damaged))


def test_a_message_that_would_never_end_is_not_waited_for() -> None:
    with pytest.raises(FrameTooLong):
        MessageCutter(limit=100).feed((101).to_bytes(4))
    with pytest.raises(UpstreamInvalid):
        MessageCutter().feed((0).to_bytes(4) + bytes(12))


def test_half_a_message_says_nothing() -> None:
    cutter = MessageCutter()
    assert cutter.feed(message("kind", b"{}")[:-1]) == b""
    assert cutter.rest() == b""

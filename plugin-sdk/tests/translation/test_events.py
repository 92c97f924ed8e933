from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.errors import RateLimited, UpstreamInvalid
from dinrail_sdk.translation import TranslatedEvents, lines_of
from dinrail_sdk.upstream import ReportedError


class Reducer:
    """Says what an event holds; ends where one says so."""

    def __init__(self) -> None:
        self.finished = False
        self.done = False

    def feed(self, event: dict[str, Any]) -> bytes:
        if "error" in event:
            raise ReportedError(event)
        if "slow" in event:
            raise RateLimited("Slow down.")
        self.finished = event.get("end", False)
        self.done = event.get("over", False)
        said: str = event["said"]
        return said.encode()


def test_events_are_fed_until_the_last_word() -> None:
    sieve = TranslatedEvents(Reducer())
    assert sieve.sift(b'event: x\ndata: {"said":"a"}\n\n: note\n\ndata: {"said":"b","end":true}\n\n') == b"ab"
    assert not sieve.done
    sieve.finish()
    assert sieve.sift(b'data: {"said":"c","end":true,"over":true}\n\ndata: {"said":"never"}\n\n') == b"c"
    assert sieve.done


def test_lines_are_events_as_well() -> None:
    assert TranslatedEvents(Reducer(), lines_of).sift(b'{"said":"a"}\n\n{"said":"b"}\r\n') == b"ab"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (b"data: {", UpstreamInvalid),
        (b"data: [1]", UpstreamInvalid),
        (b'data: {"said":7}', UpstreamInvalid),
        (b"data: {}", UpstreamInvalid),
        (b'data: {"error":1}', ReportedError),
        (b'data: {"slow":1}', RateLimited),
    ],
)
def test_what_stands_before_a_failure_is_handed_on(event: bytes, kind: type[Exception]) -> None:
    sieve = TranslatedEvents(Reducer())
    assert sieve.sift(b'data: {"said":"a"}\n\n%b\n\ndata: {"said":"b"}\n\n' % event) == b"a"
    assert type(sieve.failure) is kind


def test_an_end_mark_of_openais_ends_it() -> None:
    sieve = TranslatedEvents(Reducer())
    assert sieve.sift(b'data: {"said":"a","end":true}\n\ndata: [DONE]\n\n') == b"a"
    assert sieve.done


@pytest.mark.parametrize("last", [b'data: {"said":"b","over":true}', b"data: [DONE]"])
def test_a_last_word_before_the_answer_is_finished_is_none(last: bytes) -> None:
    sieve = TranslatedEvents(Reducer())
    assert sieve.sift(b'data: {"said":"a"}\n\n%b\n\n' % last).startswith(b"a")
    assert not sieve.done
    assert isinstance(sieve.failure, UpstreamInvalid)


def test_a_stream_that_never_said_why_it_ended_is_cut() -> None:
    with pytest.raises(UpstreamInvalid):
        TranslatedEvents(Reducer()).finish()

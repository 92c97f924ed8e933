"""Ranges of content, against an oracle."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stock import Background

DATA = bytes(range(256)) * 1200 + b"the end"
SIZE = len(DATA)

numbers = st.one_of(
    st.integers(0, SIZE + 3), st.sampled_from([0, 1, SIZE - 1, SIZE, SIZE + 1, 262_143, 262_144, 10**30])
)


@pytest.fixture(scope="module")
def file_id(background: Background) -> Iterator[str]:
    with background.client() as client:
        yield client.files.create(file=("data", DATA), purpose="user_data").id


def fetch(background: Background, file_id: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    host, _, port = background.url.removeprefix("http://").removesuffix("/v1").partition(":")
    connection = http.client.HTTPConnection(host, int(port))
    try:
        connection.request("GET", f"/v1/files/{file_id}/content", headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def expected(first: int | None, last: int | None) -> bytes | None:
    """The bytes of a range, or ``None`` where there are none."""
    if first is None:
        assert last is not None
        return DATA[-last:] if last else None
    return DATA[first : SIZE if last is None else last + 1] if first < SIZE else None


@given(st.none() | numbers, st.none() | numbers)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_range_is_just_that_part(background: Background, file_id: str, first: int | None, last: int | None) -> None:
    if first is None and last is None:
        return
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    status, headers, body = fetch(background, file_id, {"Range": text})
    if first is not None and last is not None and last < first:
        assert (status, body) == (200, DATA)  # malformed, and so as if it were not there
        return
    wanted = expected(first, last)
    if wanted is None:
        assert status == 416
        assert headers["content-range"] == f"bytes */{SIZE}"
        return
    assert (status, body) == (206, wanted)
    start = SIZE - len(wanted) if first is None else first
    assert headers["content-range"] == f"bytes {start}-{start + len(wanted) - 1}/{SIZE}"
    assert headers["content-length"] == str(len(wanted))


@pytest.mark.parametrize("text", ["bytes=0-1,5-6", "items=0-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=0x1-2", "0-1"])
def test_what_is_not_one_range_of_bytes_is_ignored(background: Background, file_id: str, text: str) -> None:
    status, headers, body = fetch(background, file_id, {"Range": text})
    assert (status, body) == (200, DATA)
    assert headers["accept-ranges"] == "bytes"


def test_a_range_counts_only_for_the_content_that_it_was_meant_for(background: Background, file_id: str) -> None:
    etag = fetch(background, file_id, {})[1]["etag"]
    assert fetch(background, file_id, {"Range": "bytes=0-1", "If-Range": etag})[0] == 206
    assert fetch(background, file_id, {"Range": "bytes=0-1", "If-Range": '"another"'})[2] == DATA

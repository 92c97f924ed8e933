"""Lines about requests."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_server import access_log
from dinrail_server.access_log import AccessLog

if TYPE_CHECKING:
    from conftest import Start

SECRET = b'{"model": "m", "messages": [{"role": "user", "content": "my secret"}]}'


class Pipe:
    """A log and what it wrote."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.log = AccessLog(self.writer)

    def text(self) -> str:
        """All that was written; ends the log."""
        self.log.close()
        os.close(self.writer)
        with os.fdopen(self.reader, encoding="utf-8") as stream:
            return stream.read()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text().splitlines()]


@pytest.fixture
def pipe() -> Pipe:
    return Pipe()


async def test_a_request_is_a_line_without_content_and_query(start: Start, pipe: Pipe) -> None:
    running = await start(log=pipe.log)
    async with running.post("/v1/chat/completions?key=my-secret-key", SECRET, x_request_id="abc") as answer:
        size = len(await answer.read())
    async with running.http.get(running.root + "/nope?key=my-secret-key"):
        pass
    text = pipe.text()
    assert "secret" not in text
    first, second = map(json.loads, text.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first.pop("time"))
    assert 0 < first.pop("ms") < 10_000
    assert first == {
        "event": "request",
        "id": "abc",
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": 200,
        "bytes": size,
        "model": "local/m",
        "input_tokens": 1,
        "output_tokens": 2,
    }
    assert (second["path"], second["status"], second["error"]) == ("/nope", 404, "not_found")


def test_lines_come_soon_and_in_order(pipe: Pipe) -> None:
    for number in range(1000):
        pipe.log.add({"time": 0.0, "n": number})
    assert [line["n"] for line in pipe.lines()] == list(range(1000))


def test_lines_of_many_threads_all_arrive(pipe: Pipe) -> None:
    def write() -> None:
        for number in range(500):
            pipe.log.add({"time": 0.0, "n": number})

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pipe.lines()) == 2000


def test_a_reader_that_hangs_blocks_nobody_and_costs_bounded_memory(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_log, "_MOST_WAITING", 2_000)
    filler = "x" * 1000
    begun = time.monotonic()
    for number in range(20_000):
        pipe.log.add({"time": 0.0, "n": number, "filler": filler})
        if number == 1_000:
            time.sleep(0.3)  # long enough for the writer to fill the pipe and hang in it
    pipe.log.close(timeout=0.1)
    assert time.monotonic() - begun < 5
    assert len(pipe.log._lines) <= 2_000
    os.close(pipe.writer)
    os.close(pipe.reader)


def test_a_log_that_was_never_used_closes(pipe: Pipe) -> None:
    assert pipe.lines() == []

"""Figures."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from dinrail_server.metrics import Figures, SharedFigures, bury, merge, render

if TYPE_CHECKING:
    from conftest import Start

CHAT = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'


async def test_requests_are_counted_by_route_and_status(start: Start) -> None:
    running = await start()
    for body in (CHAT, CHAT, b"{}"):
        async with running.post("/v1/chat/completions", body) as answer:
            await answer.read()
    for path in ("/v1/models/local/m", "/v1/models/local/org/m", "/secret/path"):
        async with running.http.get(running.root + path):
            pass
    async with running.http.get(running.root + "/metrics") as answer:
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        text = await answer.text()
    assert 'dinrail_requests_total{method="POST",route="/v1/chat/completions",status="200"} 2.0' in text
    assert 'dinrail_requests_total{method="POST",route="/v1/chat/completions",status="400"} 1.0' in text
    assert 'dinrail_requests_total{method="GET",route="/v1/models/{model}",status="200"} 2.0' in text
    assert 'dinrail_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'dinrail_request_seconds_count{method="POST",route="/v1/chat/completions"} 3.0' in text
    assert "dinrail_requests_in_flight 1.0" in text, "the look itself"
    assert "process_resident_memory_bytes" in text
    assert "secret" not in text


async def test_streams_are_counted_by_bytes_and_first_byte(start: Start) -> None:
    running = await start()
    async with running.post("/v1/chat/completions", CHAT[:-1] + b', "stream": true}') as answer:
        size = len(await answer.read()) - len(b"data: [DONE]\n\n")
    async with running.http.get(running.root + "/metrics") as answer:
        text = await answer.text()
    assert f'dinrail_streamed_bytes_total{{route="/v1/chat/completions"}} {float(size)}' in text
    assert 'dinrail_first_byte_seconds_count{route="/v1/chat/completions"} 1.0' in text


def test_buckets_are_cumulative() -> None:
    figures = Figures()
    for seconds in (0.001, 0.005, 0.3, 10_000):
        figures.count("GET", "/x", 200, seconds)
    text = render(figures.snapshot()).decode()
    for bound, count in (("0.005", 2), ("0.01", 2), ("0.25", 2), ("0.5", 3), ("600.0", 3), ("+Inf", 4)):
        assert f'dinrail_request_seconds_bucket{{le="{bound}",method="GET",route="/x"}} {float(count)}' in text
    assert 'dinrail_request_seconds_count{method="GET",route="/x"} 4.0' in text


def test_figures_of_workers_add_up_and_those_of_a_dead_one_stay(tmp_path: Path) -> None:
    own, other = Figures(), Figures()
    own.count("GET", "/x", 200, 0.1)
    other.count("GET", "/x", 200, 0.2)
    other.count("GET", "/x", 500, 0.2)
    other.count_stream("/x", 0.1, 10, "upstream_failed")
    own.in_flight, other.in_flight = 1, 2
    shared = SharedFigures(tmp_path, 1)
    shared.publish(Figures().snapshot())
    SharedFigures(tmp_path, 7).publish(other.snapshot())
    assert shared.gather(own.snapshot())["in_flight"] == 3
    bury(tmp_path, 7)
    bury(tmp_path, 8)
    sums = shared.gather(own.snapshot())
    assert sums["in_flight"] == 1
    assert sorted(sums["requests"]) == [["GET", "/x", 200, 2], ["GET", "/x", 500, 1]]
    assert sums["broken"] == [["/x", "upstream_failed", 1]]
    SharedFigures(tmp_path, 9).publish(other.snapshot())
    bury(tmp_path, 9)
    assert sorted(shared.gather(own.snapshot())["requests"]) == [["GET", "/x", 200, 3], ["GET", "/x", 500, 2]]


def test_no_counter_goes_back_or_counts_twice_while_workers_are_buried(tmp_path: Path) -> None:
    one = Figures()
    one.count("GET", "/x", 200, 0.1)
    own = Figures().snapshot()
    shared = SharedFigures(tmp_path, 0)
    seen: list[int] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            requests = shared.gather(own)["requests"]
            seen.append(requests[0][-1] if requests else 0)

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(1, 201):
        SharedFigures(tmp_path, number).publish(one.snapshot())
        bury(tmp_path, number)
    done.set()
    reader.join()
    assert seen == sorted(seen)
    assert shared.gather(own)["requests"] == [["GET", "/x", 200, 200]]


def test_merging_one_snapshot_changes_nothing() -> None:
    figures = Figures()
    figures.count("GET", "/x", 200, 0.1)
    figures.count_stream("/x", 0.1, 10, None)
    assert merge([figures.snapshot()]) == figures.snapshot()


def test_codes_of_upstreams_take_bounded_room() -> None:
    figures = Figures()
    for number in range(10_000):
        figures.count_stream("/x", 0.1, 1, f"code_{number}")
    broken = figures.snapshot()["broken"]
    assert len(broken) <= 201
    assert sum(entry[-1] for entry in broken) == 10_000


def test_prometheus_client_is_not_imported_before_somebody_looks() -> None:
    code = "import sys, dinrail_server.app, dinrail_server.run; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

from __future__ import annotations

import hashlib
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dinrail_core.errors import NotFound, UpstreamError, UpstreamInvalid, UpstreamRefused, UpstreamUnavailable
from dinrail_llamacpp.pull import download
from dinrail_llamacpp.pull.download import Download, Progress, Stopped

CONTENT = b"GGUF" + random.Random(1).randbytes(300_000)
SUM = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Shop:
    """A real HTTP server with one file, which does what a test says."""

    url: str = ""
    content: bytes = CONTENT
    etag: str | None = '"1"'
    ranges: bool = True
    breaks_at: list[int] = field(default_factory=list)
    """After how many bytes of each answer to break off; answers beyond the list are whole."""
    status: int | None = None
    redirect: str | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    on_write: Callable[[], None] = lambda: None

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(
            {"method": handler.command, "path": handler.path, **{k.lower(): v for k, v in handler.headers.items()}}
        )
        if self.redirect is not None and handler.path != "/there.gguf":
            handler.send_response(302)
            handler.send_header("Location", self.redirect)
            handler.send_header("X-Linked-Etag", f'"{SUM}"')
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if self.status is not None:
            handler.send_error(self.status)
            return
        first = 0
        asked = handler.headers.get("Range")
        same = handler.headers.get("If-Range") in (None, self.etag)
        if asked and self.ranges and same:
            first = int(asked.removeprefix("bytes=").rstrip("-"))
            if first >= len(self.content):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(self.content)}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()
                return
        body = self.content[first:]
        handler.send_response(206 if first else 200)
        handler.send_header("Content-Length", str(len(body)))
        if first:
            handler.send_header("Content-Range", f"bytes {first}-{len(self.content) - 1}/{len(self.content)}")
        if self.etag is not None:
            handler.send_header("ETag", self.etag)
        handler.end_headers()
        if handler.command == "HEAD":
            return
        self.on_write()
        handler.wfile.write(body[: self.breaks_at.pop(0)] if self.breaks_at else body)
        handler.close_connection = True


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            shop.answer(self)

        do_HEAD = do_GET

        def log_message(self, *parts: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    shop.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield shop
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(shop: Shop, target: Path, progress: Progress | None = None, **more: Any) -> Progress:
    progress = progress or Progress()
    Download(f"{shop.url}/m.gguf", target, pause=0.01, **more).fetch(progress)
    return progress


def starts(shop: Shop) -> list[str | None]:
    return [one.get("range") for one in shop.asked if one["method"] == "GET"]


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.iterdir())


def test_a_file_is_fetched_whole(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    progress = fetch(shop, target, sha256=SUM)
    assert target.read_bytes() == CONTENT
    assert (progress.done, progress.total) == (len(CONTENT), len(CONTENT))
    assert left(target) == ["m.gguf"]


def test_an_interruption_is_gone_on_from(shop: Shop, tmp_path: Path) -> None:
    shop.breaks_at = [100_000, 50_000]
    target = tmp_path / "m.gguf"
    fetch(shop, target)
    assert target.read_bytes() == CONTENT
    assert starts(shop) == [None, "bytes=100000-", "bytes=150000-"]
    assert shop.asked[1]["if-range"] == '"1"'


def test_the_next_pull_goes_on_where_the_last_gave_up(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    shop.breaks_at = [1000] * 4
    with pytest.raises(UpstreamUnavailable, match="same command again"):
        fetch(shop, target)
    assert not target.exists()
    fetch(shop, target)
    assert target.read_bytes() == CONTENT
    assert starts(shop)[-1] == "bytes=4000-"


def test_a_server_that_knows_no_parts_sends_it_all_again(shop: Shop, tmp_path: Path) -> None:
    shop.ranges, shop.breaks_at = False, [100_000]
    target = tmp_path / "m.gguf"
    fetch(shop, target)
    assert target.read_bytes() == CONTENT


def test_a_file_that_has_changed_is_fetched_anew(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    shop.breaks_at = [1000] * 4
    with pytest.raises(UpstreamUnavailable):
        fetch(shop, target)
    shop.content, shop.etag = CONTENT[::-1].replace(CONTENT[::-1][:4], b"GGUF", 1), '"2"'
    fetch(shop, target)
    assert target.read_bytes() == shop.content


@pytest.mark.parametrize("etag", [None, 'W/"1"'])
def test_without_a_strong_mark_or_a_checksum_nothing_is_gone_on_from(
    shop: Shop, tmp_path: Path, etag: str | None
) -> None:
    shop.etag, shop.breaks_at = etag, [1000]
    fetch(shop, tmp_path / "m.gguf")
    assert starts(shop) == [None, None]


def test_with_a_checksum_it_is_gone_on_from_without_a_mark(shop: Shop, tmp_path: Path) -> None:
    shop.etag, shop.breaks_at = None, [1000]
    fetch(shop, tmp_path / "m.gguf", sha256=SUM)
    assert starts(shop) == [None, "bytes=1000-"]


def test_a_part_that_is_the_whole_already_is_taken(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    shop.breaks_at = [1000] * 4
    with pytest.raises(UpstreamUnavailable):
        fetch(shop, target, sha256=SUM)
    (tmp_path / ".m.gguf.part").write_bytes(CONTENT)
    fetch(shop, target, sha256=SUM)
    assert target.read_bytes() == CONTENT


def test_a_wrong_checksum_throws_away_what_came(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    with pytest.raises(UpstreamInvalid, match=SUM):
        fetch(shop, target, sha256="0" * 64)
    assert left(target) == []


def test_a_page_in_place_of_the_file_is_no_model(shop: Shop, tmp_path: Path) -> None:
    shop.content = b"<html>Please log in.</html>"
    with pytest.raises(UpstreamInvalid, match="no GGUF"):
        fetch(shop, tmp_path / "m.gguf")
    assert left(tmp_path / "m.gguf") == []


@pytest.mark.parametrize(
    ("status", "kind", "times"),
    [(404, NotFound, 1), (403, UpstreamRefused, 1), (400, UpstreamError, 1), (503, UpstreamUnavailable, 4)],
)
def test_a_status_means_what_it_says(
    shop: Shop, tmp_path: Path, status: int, kind: type[Exception], times: int
) -> None:
    shop.status = status
    with pytest.raises(kind):
        fetch(shop, tmp_path / "m.gguf")
    assert len(shop.asked) == times
    assert left(tmp_path / "m.gguf") == []


def test_nobody_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UpstreamUnavailable, match=r"127\.0\.0\.1:1 cannot be reached.*Run the same command again"):
        Download("http://127.0.0.1:1/m.gguf", tmp_path / "m.gguf", pause=0.0).fetch(Progress())


def test_what_is_there_already_is_not_fetched(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    target.write_bytes(CONTENT)
    assert fetch(shop, target, sha256=SUM).done == len(CONTENT)
    assert fetch(shop, target).done == len(CONTENT)
    assert shop.asked == []


def test_what_is_there_but_another_file_is_replaced(shop: Shop, tmp_path: Path) -> None:
    target = tmp_path / "m.gguf"
    target.write_bytes(b"GGUF of yesterday")
    fetch(shop, target, sha256=SUM)
    assert target.read_bytes() == CONTENT


def test_a_hub_tells_the_checksum_beside_its_redirect(shop: Shop, tmp_path: Path) -> None:
    shop.redirect = f"{shop.url}/there.gguf"
    fetch(shop, tmp_path / "m.gguf", ask_hub=True)
    shop.content = CONTENT[:-1] + b"?"
    with pytest.raises(UpstreamInvalid, match=SUM):
        fetch(shop, tmp_path / "n.gguf", ask_hub=True)


def test_a_token_is_for_the_hub_and_not_for_where_it_leads(shop: Shop, tmp_path: Path) -> None:
    shop.redirect = f"{shop.url.replace('127.0.0.1', 'localhost')}/there.gguf"
    fetch(shop, tmp_path / "m.gguf", token="hf_secret", ask_hub=True)
    sent = {one["path"]: one.get("authorization") for one in shop.asked}
    assert sent == {"/m.gguf": "Bearer hf_secret", "/there.gguf": None}


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/m.gguf"])
def test_a_redirect_leads_to_the_web_only(shop: Shop, tmp_path: Path, address: str) -> None:
    shop.redirect = address
    with pytest.raises(UpstreamInvalid):
        fetch(shop, tmp_path / "m.gguf")


def test_whoever_leaves_stops_it_and_keeps_what_came(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_CHUNK", 1000)
    progress = Progress()
    shop.on_write = progress.stop.set
    with pytest.raises(Stopped):
        fetch(shop, tmp_path / "m.gguf", progress)
    assert ".m.gguf.part" in left(tmp_path / "m.gguf")


def test_a_full_disk_is_said_before_anything_is_written(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(Exception, match="MB free"):
        fetch(shop, tmp_path / "m.gguf")

"""Where URLs of requests lead, and where not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import pytest

from dinrail_core.errors import InvalidRequest, UpstreamInvalid, UpstreamTimeout, UpstreamUnavailable
from dinrail_core.hooks import Outbound
from dinrail_sdk.outbound import OutboundClient, Timeouts, check_passed_on, check_url, resolve

HERE = Outbound((ip_network("127.0.0.1"),))


@dataclass
class Site:
    """A server that answers with what is held ready for a path.

    Attributes:
        port: Where it listens.
        heads: The heads of requests.
        bodies: Their bodies.
        pages: Answers by path.
    """

    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    pages: dict[str, bytes] = field(default_factory=dict)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def redirects(self, path: str, to: str) -> None:
        self.pages[path] = f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        size = [line for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        if size:
            self.bodies.append(await reader.readexactly(int(size[0].partition(":")[2])))
        page = self.pages.get(head.split(" ")[1])
        if page is not None:
            writer.write(page)
            await writer.drain()
        else:
            await reader.read()  # says nothing until the client leaves
        writer.close()


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    found = Site()
    found.pages["/ok"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
    async with await asyncio.start_server(found.accept, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names stand for; each look-up of a name takes the first of its addresses, as long as there are several."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **options: Any) -> Any:
        if host not in known:
            return real(host, *rest, **options)
        address = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        return real(address, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ok",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://example.com/a",
        "gopher://example.com/",
        "http://",
        "http:///a",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://[::1/",
        "http://a b/",
        "http://example.com/a b",
        "http://example.com/\r\nHost: other",
        "http://exa\u00e4mple.com/",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://%31%32%37.0.0.1/",
        "http://example.com/" + "a" * 9_000,
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_url(url, Outbound(), param="url")
    assert (caught.value.param, caught.value.code) == ("url", "invalid_url")
    assert "secret" not in caught.value.message


INSIDE = [
    "10.0.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[fe80::1]",
    "2130706433",
    "0x7f.1",
    "127.1",
    "0",
]


@pytest.mark.parametrize("host", INSIDE)
def test_addresses_are_looked_at_before_anything_is_asked_of_the_network(host: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_url(f"https://{host}/", Outbound(), param="url")
    assert (caught.value.param, caught.value.code) == ("url", "url_not_allowed")
    check_url(f"http://{host}/", Outbound((ip_network("0.0.0.0/0"), ip_network("::/0"))), plain=False)


def test_names_and_public_addresses_are_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *, type: int, flags: int) -> Any:
        assert flags & socket.AI_NUMERICHOST, "nobody is asked"
        return real(host, port, type=type, flags=flags)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    for url in ("http://localhost/", "http://nowhere.invalid/", f"http://{'a' * 80}.example/"):
        check_url(url, Outbound(), plain=False)
    for address in ("93.184.216.34", "[2606:2800:220:1::1]"):
        check_url(f"https://{address}/", Outbound(), plain=False)
        check_url(f"http://{address}/", Outbound())
        with pytest.raises(InvalidRequest, match="https"):
            check_url(f"http://{address}/", Outbound(), plain=False)


@pytest.mark.parametrize("host", [*INSIDE, "localhost"])
async def test_nothing_of_this_machine_can_be_reached(host: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await resolve(f"http://{host}/", Outbound(), param="image_url")
    assert (caught.value.param, caught.value.code) == ("image_url", "url_not_allowed")


async def test_what_the_operator_has_named_is_fetched() -> None:
    async with site() as here:
        found = await OutboundClient(HERE).get(here.url("/ok"), limit=10, headers=[("x-a", "b")])
        assert (found.status, found.body, found.headers["content-type"]) == (200, b"hi", "text/plain")
        assert "x-a: b\r\n" in here.heads[0]
        with pytest.raises(InvalidRequest, match="may not reach"):
            await OutboundClient(Outbound()).get(here.url("/ok"), limit=10)
        assert len(here.heads) == 1


async def test_a_name_that_changes_its_mind_leads_where_it_was_looked_at(names: dict[str, list[str]]) -> None:
    names["rebinding.example"] = ["127.0.0.1", "127.0.0.2"]
    async with site() as here:
        found = await OutboundClient(HERE).get(here.url("/ok", "rebinding.example"), limit=10)
        assert found.body == b"hi"
        assert f"host: rebinding.example:{here.port}\r\n" in here.heads[0]
        with pytest.raises(InvalidRequest, match="may not reach"):
            await OutboundClient(HERE).get(here.url("/ok", "rebinding.example"), limit=10)


async def test_redirects_are_looked_at_like_the_first_url(names: dict[str, list[str]]) -> None:
    names["inside.example"] = ["127.0.0.3"]
    async with site() as here:
        here.redirects("/relative", "/ok")
        here.redirects("/inside", here.url("/ok", "inside.example"))
        here.redirects("/file", "file:///etc/passwd")
        here.redirects("/circle", "/circle")
        client = OutboundClient(HERE)
        found = await client.get(here.url("/relative"), limit=10, headers=[("authorization", "Bearer a")])
        assert (found.body, found.url) == (b"hi", here.url("/ok"))
        assert ["authorization" in head for head in here.heads] == [True, False]
        for path in ("/inside", "/file"):
            with pytest.raises(InvalidRequest):
                await client.get(here.url(path), limit=10)
        with pytest.raises(UpstreamInvalid, match="redirects"):
            await client.get(here.url("/circle"), limit=10)


async def test_what_is_sent_goes_to_its_url_alone() -> None:
    async with site() as here:
        here.redirects("/moved", "/ok")
        found = await OutboundClient(HERE).post(here.url("/moved"), b"{}", limit=10)
        assert (found.status, here.bodies, len(here.heads)) == (302, [b"{}"], 1)


async def test_plain_http_can_be_kept_to_the_networks_that_the_operator_has_named() -> None:
    async with site() as here:
        assert (await OutboundClient(HERE).post(here.url("/ok"), b"", limit=10, plain=False)).status == 200
        with pytest.raises(InvalidRequest, match="https"):
            await OutboundClient(Outbound()).post("http://93.184.216.34/", b"", limit=10, plain=False)


async def test_what_is_too_large_too_slow_or_not_there_is_an_error() -> None:
    async with site() as here:
        here.pages["/large"] = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"a" * 100
        client = OutboundClient(HERE, Timeouts(idle=0.2, total=5))
        with pytest.raises(UpstreamInvalid, match="larger"):
            await client.get(here.url("/large"), limit=99)
        with pytest.raises(UpstreamTimeout):
            await client.get(here.url("/silent"), limit=10)
        with pytest.raises(UpstreamTimeout):
            await OutboundClient(HERE, Timeouts(total=0.2)).get(here.url("/silent"), limit=10)
    with pytest.raises(UpstreamUnavailable):
        await client.get(here.url("/ok"), limit=10)
    with pytest.raises(UpstreamUnavailable, match="resolved"):
        await client.get("http://nowhere.invalid/", limit=10)


async def test_the_next_address_is_tried_where_one_takes_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    async with site() as here:
        real = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, *rest, **options: [
                found
                for address in (["127.0.0.9", "127.0.0.1"] if host == "two.example" else [host])
                for found in real(address, *rest, **options)
            ],
        )
        outbound = Outbound((ip_network("127.0.0.0/8"),))
        assert (await OutboundClient(outbound).get(here.url("/ok", "two.example"), limit=10)).body == b"hi"


@pytest.mark.parametrize(
    "url", ["", "iVBORw0KGgo=", "file:///etc/passwd", "gopher://example.com/", "http://a@b.example/"]
)
async def test_what_is_no_url_is_not_passed_on(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await check_passed_on([("data:,a", "a"), (url, "b.url")], Outbound())
    assert (caught.value.param, caught.value.code) == ("b.url", "invalid_url")


@pytest.mark.parametrize("host", [*INSIDE, "localhost", "LOCALHOST.", "a.localhost", "127.0.0.1.", "[fe80::1%25eth0]"])
async def test_what_leads_inside_is_not_passed_on(host: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await check_passed_on([("https://93.184.216.34/", "a"), (f"http://{host}/", "b.url")], Outbound())
    assert (caught.value.param, caught.value.code) == ("b.url", "url_not_allowed")
    await check_passed_on([(f"http://{host}/", "b.url")], Outbound((ip_network("0.0.0.0/0"), ip_network("::/0"))))


async def test_hosts_of_what_is_passed_on_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"public.example": ["93.184.216.34"], "mixed.example": ["93.184.216.34", "10.0.0.1"]}
    asked: list[str] = []

    def look_up(host: str, *rest: Any, **options: Any) -> Any:
        asked.append(host)
        if host not in known:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    urls = ["http://public.example/a", "https://PUBLIC.example:8443/b", "http://nowhere.invalid/", "DATA:image/png,a"]
    await check_passed_on([(url, "a") for url in urls], Outbound())
    assert sorted(asked) == ["nowhere.invalid", "public.example"]
    with pytest.raises(InvalidRequest) as caught:
        await check_passed_on([(urls[0], "a"), ("http://mixed.example/", "b")], Outbound())
    assert (caught.value.param, caught.value.code) == ("b", "url_not_allowed")

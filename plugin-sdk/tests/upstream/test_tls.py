"""HTTPS, with a certificate that is valid for ``localhost`` and that signs itself; its key is worth nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.response import ChatChunk
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.upstream import Upstream, UpstreamConfig, connect

CERTIFICATE = Path(__file__).with_name("localhost.crt")
KEY = Path(__file__).with_name("localhost.key")
CALL = Call()


@asynccontextmanager
async def secured(host: str = "localhost") -> AsyncIterator[tuple[Upstream, list[str]]]:
    """An upstream behind TLS, and what became of each connection."""
    seen: list[str] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append("open")
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            seen.append("closed")
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, KEY)
    async with await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        config = UpstreamConfig.model_validate({"base_url": f"https://{host}:{port}/", "max_retries": 0})
        async with connect(config) as upstream:
            yield upstream, seen


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate is trusted in the way that operators trust one of their own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.mark.usefixtures("trusted")
async def test_a_trusted_upstream_is_spoken_to_over_one_connection() -> None:
    async with secured() as (upstream, seen):
        assert await upstream.get("x", CALL) == b"hi"
        assert await upstream.get("x", CALL) == b"hi"
        assert seen == ["open"]


async def test_an_unknown_certificate_is_refused() -> None:
    async with secured() as (upstream, seen):
        with pytest.raises(UpstreamInvalid, match="certificate is not accepted"):
            await upstream.get("x", CALL)
        assert seen == []


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_for_another_name_is_refused() -> None:
    async with secured("127.0.0.1") as (upstream, seen):
        with pytest.raises(UpstreamInvalid, match="IP address mismatch"):
            await upstream.get("x", CALL)
        assert seen == []


async def test_a_server_without_tls_is_told_apart() -> None:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with connect(UpstreamConfig.model_validate({"base_url": url})) as upstream:
            with pytest.raises(UpstreamInvalid, match="TLS"):
                await upstream.get("x", CALL)


@pytest.mark.usefixtures("trusted")
async def test_cancelling_closes_a_secured_connection_at_once() -> None:
    gone = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {}\n\n")
        with suppress(ConnectionError, ssl.SSLError):
            await reader.read()
        gone.set()
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE, KEY)
    async with await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://localhost:{server.sockets[0].getsockname()[1]}/"
        async with connect(UpstreamConfig.model_validate({"base_url": url})) as upstream:
            stream = await upstream.stream(ChatChunk, "x", b"{}", CALL)
            await stream.aclose()
            await asyncio.wait_for(gone.wait(), 2)

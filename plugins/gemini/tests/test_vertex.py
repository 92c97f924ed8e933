"""Tokens of Google's cloud, with ``google-auth`` itself, a service account and a server that gives tokens out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import UpstreamRefused, UpstreamUnavailable
from dinrail_gemini.plugin import GEMINI
from dinrail_gemini.vertex import CloudTokens
from dinrail_sdk.testing import FakeUpstream, open_alone
from dinrail_sdk.testing.dialects.gemini import VERTEX_WIRE


class TokenServer(ThreadingHTTPServer):
    """Gives out one token after the other, or refuses."""

    given = 0
    refuses = False


class _Handler(BaseHTTPRequestHandler):
    server: TokenServer

    def do_POST(self) -> None:  # http.server's name
        self.rfile.read(int(self.headers["content-length"]))
        self.server.given += 1
        answer: dict[str, Any] = {"access_token": f"ya29.{self.server.given}", "expires_in": 3600}
        if self.server.refuses:
            answer = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
        body = json.dumps(answer).encode()
        self.send_response(400 if self.server.refuses else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with TokenServer(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def account(tokens: TokenServer, tmp_path: Path) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    file = tmp_path / "account.json"
    about = {
        "type": "service_account",
        "client_email": "kit@kit.iam.gserviceaccount.com",
        "private_key": pem,
        "private_key_id": "1",
        "token_uri": f"http://127.0.0.1:{tokens.server_port}/token",
    }
    file.write_text(json.dumps(about))
    return file


async def test_a_token_is_fetched_once_and_renewed_when_it_has_expired(tokens: TokenServer, account: Path) -> None:
    source = CloudTokens(account)
    assert await asyncio.gather(*(source.current() for _ in range(5))) == ["ya29.1"] * 5
    source._credentials.expiry -= timedelta(hours=2)
    assert await asyncio.gather(*(source.current() for _ in range(5))) == ["ya29.2"] * 5
    assert tokens.given == 2


async def test_every_request_carries_the_token_of_the_moment(account: Path) -> None:
    chat = ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "Hi."}]})
    async with FakeUpstream.open(VERTEX_WIRE) as upstream:
        config = {"base_url": upstream.url, "project": "kit", "credentials": str(account)}
        async with open_alone(GEMINI, config) as provider:
            await provider.complete(chat, Call())
            assert upstream.credentials == "ya29.1"


async def test_credentials_that_are_refused_are_the_operators_fault(tokens: TokenServer, account: Path) -> None:
    tokens.refuses = True
    with pytest.raises(UpstreamRefused) as caught:
        await CloudTokens(account).current()
    assert "Signature" not in caught.value.message


async def test_credentials_that_are_not_there_are_the_operators_fault(tmp_path: Path) -> None:
    with pytest.raises(UpstreamRefused):
        await CloudTokens(tmp_path / "none.json").current()


async def test_a_server_for_tokens_that_is_away_is_said_to_be(tokens: TokenServer, account: Path) -> None:
    about = json.loads(account.read_text())
    account.write_text(json.dumps(about | {"token_uri": "http://127.0.0.1:9/token"}))
    with pytest.raises(UpstreamUnavailable):
        await CloudTokens(account).current()

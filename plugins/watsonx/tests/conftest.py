"""IBM Cloud's server for tokens, in small."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import pytest

GRANT = "urn:ibm:params:oauth:grant-type:apikey"


@dataclass
class Script:
    """What the server for tokens says.

    Attributes:
        token: The token for a key, with ``{key}`` and ``{count}`` for the key and the number of tokens so far.
        refusal: The status, where it refuses.
        body: What it answers in place of a token.
        given: How many it gave out.
        strays: Requests that are none for a token.
    """

    url: str = ""
    token: str = "token-{count}"
    refusal: int | None = None
    body: Any = None
    given: int = 0
    strays: list[str] = field(default_factory=list)

    def answer(self, path: str, kind: str, form: dict[str, list[str]]) -> tuple[int, Any]:
        if path != "/identity/token" or kind != "application/x-www-form-urlencoded" or form["grant_type"] != [GRANT]:
            self.strays.append(path)
            return 404, {"errorCode": "BXNIM0000E"}
        (key,) = form["apikey"]
        if self.refusal is not None:
            return self.refusal, {"errorCode": "BXNIM0415E", "errorMessage": f"Provided API key {key} is not found."}
        self.given += 1
        token = self.token.format(key=key, count=self.given)
        return 200, self.body or {"access_token": token, "token_type": "Bearer", "expires_in": 3600}


class _Server(ThreadingHTTPServer):
    script: Script


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:  # http.server's name
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        status, answer = self.server.script.answer(self.path, self.headers["content-type"], form)
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def iam() -> Iterator[Script]:
    """A server for tokens that listens."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.script = Script(url=f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.script
        finally:
            server.shutdown()
            thread.join()

"""A fast scripted model server in a process of its own; its processor time is not counted.

A raw asyncio protocol with as much HTTP/1.1 as its two kinds of clients speak: keep-alive, bodies with a length. Beside
OpenAI's paths it answers ``GET /streams`` with how many streams were opened and how many of those are closed.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any, cast

import uvloop

from benchmarks import payloads

__all__ = ["RATE"]

RATE = 50.0
"""Chunks per second of a paced stream."""

_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
_FORMS: tuple[payloads.VectorFormat, ...] = ("float", "base64")
_DONE = b"data: [DONE]\n\n"


def _whole(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
        status.encode(),
        len(body),
        body,
    )


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass
class Streams:
    """How many streams there were, and are."""

    opened: int = 0
    closed: int = 0


class Answers:
    """The canned answers, encoded once."""

    def __init__(self) -> None:
        self.chat = _whole(payloads.chat_answer())
        self.models = _whole(payloads.models_answer())
        self._vectors = {(form, payloads.INPUTS): _whole(payloads.embedding_answer(form)) for form in _FORMS}
        self.unknown = _whole(b'{"error":{"message":"no such path","type":"invalid_request_error"}}', "404 Not Found")

    def embeddings(self, form: payloads.VectorFormat, inputs: int) -> bytes:
        """A vector for each of so many inputs."""
        if (form, inputs) not in self._vectors:
            self._vectors[form, inputs] = _whole(payloads.embedding_answer(form, inputs))
        return self._vectors[form, inputs]


class Connection(asyncio.Protocol):
    """One connection.

    Args:
        answers: What is said.
        streams: Where streams are counted.
    """

    def __init__(self, answers: Answers, streams: Streams) -> None:
        self._answers = answers
        self._streams = streams
        self._received = bytearray()
        self._streaming = False
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._streaming:
            self._streams.closed += 1

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._received[:end]).lower()
            _, found, value = head.partition(b"\r\ncontent-length:")
            whole = end + 4 + (int(value.split(b"\r\n", 1)[0]) if found else 0)
            if len(self._received) < whole:
                return
            body = bytes(self._received[end + 4 : whole])
            del self._received[:whole]
            method, path, _ = head.split(b" ", 2)
            self._respond(method.decode(), path.decode(), body)

    def _respond(self, method: str, path: str, body: bytes) -> None:
        if method == "get":
            self._transport.write(self._look(path))
            return
        request = json.loads(body)
        if path.endswith("/embeddings"):
            texts = request["input"]
            self._transport.write(
                self._answers.embeddings(
                    request.get("encoding_format", "float"), len(texts) if isinstance(texts, list) else 1
                )
            )
        elif path.endswith("/chat/completions"):
            self._chat(request)
        else:
            self._transport.write(self._answers.unknown)

    def _look(self, path: str) -> bytes:
        if path.endswith("/models"):
            return self._answers.models
        if path == "/streams":
            return _whole(json.dumps({"opened": self._streams.opened, "closed": self._streams.closed}).encode())
        return self._answers.unknown

    def _chat(self, request: dict[str, Any]) -> None:
        if not request.get("stream"):
            self._transport.write(self._answers.chat)
            return
        self._streams.opened += 1
        self._streaming = True
        self._transport.write(_STREAM_HEAD + _chunk(payloads.event_first()))
        # The relay passes the name on as it came, with the instance in front.
        model = request["model"].rpartition("/")[2]
        if model == payloads.PACED_MODEL:
            self._pace(request["max_tokens"])
        elif model == payloads.FLAT_MODEL:
            middle = b"".join(_chunk(payloads.event_middle(n)) for n in range(1, request["max_completion_tokens"] - 1))
            self._transport.write(middle)
            self._finish()

    def _pace(self, chunks: int) -> None:
        """Send what is left of so many chunks, each at its own time, so that a late one does not delay the rest."""
        loop = asyncio.get_running_loop()
        begun = loop.time()

        def send(index: int) -> None:
            if index == chunks - 1:
                self._finish()
                return
            self._transport.write(_chunk(payloads.event_middle(index)))
            self._timer = loop.call_at(begun + (index + 1) / RATE, send, index + 1)

        self._timer = loop.call_at(begun + 1 / RATE, send, 1)

    def _finish(self) -> None:
        self._transport.write(_chunk(payloads.event_last()) + _chunk(_DONE) + b"0\r\n\r\n")
        self._streaming = False
        self._streams.closed += 1


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    answers, streams = Answers(), Streams()
    server = await loop.create_server(lambda: Connection(answers, streams), "127.0.0.1", 0, backlog=2048)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())

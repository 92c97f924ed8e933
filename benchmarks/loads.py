"""Loads: so many clients that ask for so much, and look at what they get."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass

from benchmarks import payloads
from benchmarks.client import Connection, Reply, post
from benchmarks.subjects import INSTANCE
from benchmarks.upstream import RATE

__all__ = ["Chat", "Embeddings", "Load", "PacedStream", "WrongAnswer", "first_answer", "model_id"]


class WrongAnswer(Exception):
    """What came back is not what the upstream said."""


def model_id(model: str) -> str:
    """What clients ask for. The bare relay sends it on as it is; the upstream does not mind."""
    return f"{INSTANCE}/{model}"


@dataclass(frozen=True)
class Load(ABC):
    """A load.

    Attributes:
        clients: Connections, each with one request at a time.
        amount: Requests of each client, or chunks of each stream.
    """

    clients: int
    amount: int

    unit = "request"

    async def run(self, url: str) -> int:
        """Apply it.

        Returns:
            How many units of work were done.

        Raises:
            WrongAnswer: An answer is not what the upstream said.
        """
        done = await asyncio.gather(*(self._client(url, index) for index in range(self.clients)))
        return sum(done)

    @abstractmethod
    async def _client(self, url: str, index: int) -> int: ...


class Chat(Load):
    """Chats that are answered whole, one kilobyte each way."""

    async def _client(self, url: str, index: int) -> int:
        request = post("/v1/chat/completions", payloads.chat_request(model_id(payloads.CHAT_MODEL)))
        return await _repeat(url, request, payloads.chat_answer(), self.amount)


@dataclass(frozen=True)
class Embeddings(Load):
    """Batches of texts, with their vectors in one form."""

    form: payloads.VectorFormat = "float"

    async def _client(self, url: str, index: int) -> int:
        request = post("/v1/embeddings", payloads.embedding_request(model_id(payloads.EMBED_MODEL), self.form))
        return await _repeat(url, request, _VECTORS[self.form], self.amount)


class PacedStream(Load):
    """Streams at the upstream's rate; they begin one after another within the time of one chunk, as users would."""

    unit = "chunk"

    async def _client(self, url: str, index: int) -> int:
        body = payloads.paced_request(model_id(payloads.PACED_MODEL), self.amount)
        async with await Connection.to(url) as connection:
            await asyncio.sleep(index / self.clients / RATE)
            reply = await connection.begin(post("/v1/chat/completions", body))
        frames = reply.body.split(b"\n\n")
        if reply.status != 200 or frames[-2:] != [b"data: [DONE]", b""] or len(frames) != self.amount + 2:
            raise WrongAnswer(f"{reply.status}, {len(frames)} frames, {reply.body[-200:]!r}")
        if index == 0:
            _compare_stream(frames[:-2])
        return self.amount


async def first_answer(url: str) -> None:
    """Ask until a chat is answered well, as someone who has just started the server would.

    Raises:
        WrongAnswer: There is none within ten seconds.
    """
    request = post("/v1/chat/completions", payloads.chat_request(model_id(payloads.CHAT_MODEL)))
    reply: Reply | None = None
    for _ in range(500):
        async with await Connection.to(url) as connection:
            reply = await connection.begin(request)
        if reply.status == 200:
            _compare(reply, payloads.chat_answer())
            return
        await asyncio.sleep(0.02)
    assert reply is not None
    raise WrongAnswer(f"{reply.status} {reply.body[:200]!r}")


async def _repeat(url: str, request: bytes, expected: bytes, amount: int) -> int:
    """Send the same request again and again; the first answer is compared by meaning, the others with the first."""
    async with await Connection.to(url) as connection:
        first = await connection.begin(request)
        _compare(first, expected)
        for _ in range(amount - 1):
            reply = await connection.begin(request)
            if reply.body != first.body or reply.status != 200:
                raise WrongAnswer(f"{reply.status} {reply.body[:200]!r}")
    return amount


def _compare(reply: Reply, expected: bytes) -> None:
    if reply.status != 200 or (reply.body != expected and json.loads(reply.body) != json.loads(expected)):
        raise WrongAnswer(f"{reply.status} {reply.body[:200]!r}")


def _compare_stream(frames: list[bytes]) -> None:
    expected = [
        payloads.event_first(),
        *(payloads.event_middle(index) for index in range(1, len(frames) - 1)),
        payloads.event_last(),
    ]
    for frame, event in zip(frames, expected, strict=True):
        if json.loads(frame.removeprefix(b"data:")) != json.loads(event.removeprefix(b"data:")):
            raise WrongAnswer(repr(frame[:200]))


_VECTORS = {"float": payloads.embedding_answer("float"), "base64": payloads.embedding_answer("base64")}
"""Made once: it takes a while."""

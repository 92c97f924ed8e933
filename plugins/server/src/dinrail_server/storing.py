"""Chat completions that are stored (``store: true``): answered like any other, and kept as well."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from dinrail_core.api.answers import Answer, Stream, frames
from dinrail_core.api.chat.assembly import Assembly, chunks_of
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.stored_completions import StoredCompletions
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import UpstreamInvalid
from dinrail_core.hooks.context import Target
from dinrail_core.hooks.http import Exchange

__all__ = ["answer_and_store", "tell_again"]


async def answer_and_store(
    exchange: Exchange, request: ChatRequest, target: Target[ChatModel]
) -> Answer[ChatCompletion] | Stream[ChatChunk]:
    """Answer, and keep the answer under an id of ours, since ids of upstreams need not be unique.

    The upstream is not asked to store anything: one copy was asked for, and several upstreams refuse the field.

    Raises:
        RateLimited: The caller has no room left; the upstream was not asked.
        Unavailable: Nothing can be kept at present; the upstream was not asked.
    """
    completions = await exchange.rail.service(StoredCompletions)
    keeping = _Keeping(exchange, completions, request, await completions.begin(exchange.call))
    asked = request.model_copy(update={"model": target.model, "store": MISSING, "metadata": MISSING})
    if request.stream is True:
        stream = await target.provider.stream(asked, exchange.call)
        return Stream(ChatChunk, reads=keeping.relay(stream), headers=stream.headers, close=stream.aclose)
    answer = await target.provider.complete(asked, exchange.call)
    whole = keeping.named(answer.body)
    await keeping.keep(whole)
    return Answer(ChatCompletion, body=orjson.dumps(whole), headers=answer.headers)


async def tell_again(exchange: Exchange, request: ChatRequest) -> Answer[ChatCompletion] | Stream[ChatChunk] | None:
    """The answer that an earlier try of the same request has kept, as a stream where one is wanted."""
    completions = await exchange.rail.service(StoredCompletions)
    answer = await completions.again(exchange.call)
    if answer is None or request.stream is not True:
        return answer
    return Stream(ChatChunk, reads=_in_chunks(answer))


async def _in_chunks(answer: Answer[ChatCompletion]) -> AsyncGenerator[bytes, None]:
    yield b"".join(b"data: %b\n\n" % orjson.dumps(chunk) for chunk in chunks_of(orjson.loads(answer.body)))


class _Keeping:
    """One answer on its way to the client and into the store.

    Args:
        exchange: The request.
        completions: The store.
        request: What the caller asked.
        completion_id: What the answer is called.
    """

    def __init__(
        self, exchange: Exchange, completions: StoredCompletions, request: ChatRequest, completion_id: str
    ) -> None:
        self._exchange = exchange
        self._completions = completions
        self._request = request
        self._id = completion_id

    async def relay(self, stream: Stream[ChatChunk]) -> AsyncGenerator[bytes, None]:
        """A stream as it comes. What is kept is kept before the stream ends, so its end says that it was."""
        assembly = Assembly()
        async with aclosing(stream.reads()) as reads:
            async for read in reads:
                yield b"".join(self._renamed(frame, assembly) for frame in read.split(b"\n\n") if frame)
        await self.keep({**assembly.completion(), "id": self._id})

    async def keep(self, whole: dict[str, Any]) -> None:
        """Keep the answer; an answer that could not be is an error, since the caller would look for it in vain."""
        await self._completions.keep(self._request, whole, self._exchange.call)
        self._exchange.made = self._id

    def named(self, body: bytes) -> dict[str, Any]:
        """The JSON object under our id.

        Raises:
            UpstreamInvalid: It is none.
        """
        try:
            found = orjson.loads(body)
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict):
            raise UpstreamInvalid("The upstream's answer is not a JSON object.")
        found["id"] = self._id
        return found

    def _renamed(self, frame: bytes, assembly: Assembly) -> bytes:
        """A frame under our id; comments, which keep connections alive, pass as they are."""
        found = frames(frame)
        if not found:
            return frame + b"\n\n"
        chunk = self.named(found[0])
        assembly.add(chunk)
        return b"data: %b\n\n" % orjson.dumps(chunk)

"""``/v1/messages`` and ``/v1/messages/count_tokens``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import orjson

from dinrail_anthropic_api.answers import MessageWriter, event, to_message
from dinrail_anthropic_api.refusals import refusal
from dinrail_anthropic_api.requests import to_chat
from dinrail_anthropic_api.wire import CountRequest, Message, MessageEvent, MessagesRequest, TokenCount
from dinrail_core.api.answers import Answer, Stream, frames
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.response import ChatChunk
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import DinrailError, UnsupportedFeature, UpstreamInvalid
from dinrail_core.hooks.http import Exchange, Reply, Route

__all__ = ["ROUTES"]

_ID = "request-id"
_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}  # nginx would gather the events otherwise


async def _create(exchange: Exchange) -> Reply:
    request = await exchange.decode(MessagesRequest)
    target = await exchange.resolve(ChatModel, request.model)
    chat = to_chat(request).model_copy(update={"model": target.model})
    if request.stream is True:
        stream = await target.provider.stream(chat, exchange.call)
        body = _events(stream, exchange.call.request_id)
        return Reply(body=body, content_type="text/event-stream", headers={**stream.headers, **_HEADERS})
    answer = await target.provider.complete(chat, exchange.call)
    try:
        found = to_message(orjson.loads(answer.body))
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError, ValueError):
        raise UpstreamInvalid("The upstream's answer is no chat completion.") from None
    return Reply(body=orjson.dumps(found), headers=answer.headers)


async def _events(stream: Stream[ChatChunk], request_id: str) -> AsyncGenerator[bytes, None]:
    """The message's events, one write for each read; an error behind the first is an event as well."""
    writer, begun = MessageWriter(), False
    async with aclosing(stream):
        try:
            async for read in stream.reads():
                piece = _written(writer, read)
                if piece:
                    yield piece
                    begun = True
            yield writer.finish()
        except DinrailError as error:
            if not begun:
                raise
            yield event(orjson.loads(refusal(error, request_id)))


def _written(writer: MessageWriter, read: bytes) -> bytes:
    try:
        return b"".join([writer.feed(orjson.loads(data)) for data in frames(read)])
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError, ValueError):
        raise UpstreamInvalid("The upstream's stream is none of chat chunks.") from None


async def _count(exchange: Exchange) -> Answer[TokenCount]:
    """Nobody but the model knows its tokens, so it is asked for one, and tells what the prompt had."""
    request = await exchange.decode(CountRequest)
    target = await exchange.resolve(ChatModel, request.model)
    # Thoughts are no part of a prompt, and there is no room for them in one token.
    update = {"model": target.model, "max_completion_tokens": 1, "reasoning_effort": MISSING}
    chat = to_chat(request).model_copy(update=update)
    usage: Any = (await target.provider.complete(chat, exchange.call)).value.usage
    if not hasattr(usage, "prompt_tokens"):
        raise UnsupportedFeature("This model does not tell how many tokens it was given.", param="model")
    return Answer.of(TokenCount(input_tokens=usage.prompt_tokens))


ROUTES = (
    Route(
        method="POST",
        path="/v1/messages",
        handler=_create,
        summary="Answer a chat in Anthropic's dialect, whole or as a stream",
        tag="Messages",
        body=MessagesRequest,
        answer=Message,
        event=MessageEvent,
        asks=True,
        refusal=refusal,
        id_header=_ID,
    ),
    Route(
        method="POST",
        path="/v1/messages/count_tokens",
        handler=_count,
        summary="Count the tokens of a prompt",
        tag="Messages",
        body=CountRequest,
        answer=TokenCount,
        asks=True,
        refusal=refusal,
        id_header=_ID,
    ),
)

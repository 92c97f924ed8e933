"""Chats: handed on as they are, or with the tool calls of any model (see :mod:`dinrail_llamacpp.tools`)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import orjson

from dinrail_core.api.answers import Answer, Stream, frames
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest, UpstreamInvalid
from dinrail_llamacpp.choices import Event, answer_choices, encode, read_object, stream_choices
from dinrail_llamacpp.requests import chat_body, check_chat, given
from dinrail_llamacpp.tool_calls import Calling
from dinrail_llamacpp.tools.offer import offer_of
from dinrail_llamacpp.tools.prompt import converse, has_tool_history
from dinrail_llamacpp.traits import Traits
from dinrail_sdk.upstream import Upstream
from dinrail_sdk.upstream.openai_events import OpenAIEvents

__all__ = ["Chat"]

_PATH = "chat/completions"


class Chat:
    """Answers chats through one llama.cpp server.

    Args:
        upstream: The server.
        traits: What is known of it and of the model.
    """

    def __init__(self, upstream: Upstream, traits: Traits) -> None:
        self._upstream = upstream
        self._traits = traits

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`~dinrail_core.api.chat.contract.ChatModel.complete`."""
        check_chat(request, self._traits)
        count = request.n if isinstance(request.n, int) else 1
        if count == 1:
            return await self._complete(request, call)
        return await answer_choices(
            ChatCompletion, count, lambda index: self._complete(_one(request, index), call), per_prompt=count
        )

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`~dinrail_core.api.chat.contract.ChatModel.stream`."""
        check_chat(request, self._traits)
        count = request.n if isinstance(request.n, int) else 1
        if count == 1:
            return await self._stream(request, call, usage=_wants_usage(request))
        return await stream_choices(
            ChatChunk,
            count,
            lambda index: self._stream(_one(request, index), call, usage=True),
            per_prompt=count,
            usage=_wants_usage(request),
        )

    async def _complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        body, calling = await self._prepare(request, call)
        if calling is not None and (called := await calling.complete()) is not None:
            return called
        try:
            answer = await self._upstream.answer(ChatCompletion, _PATH, orjson.dumps(body), call)
        except InvalidRequest as error:
            raise _blamed(error, body) from error
        return answer if _wants_alternatives(request) else _edited(answer)

    async def _stream(self, request: ChatRequest, call: Call, *, usage: bool) -> Stream[ChatChunk]:
        body, calling = await self._prepare(request, call)
        if calling is not None and (called := await calling.stream(usage=usage)) is not None:
            return called
        body["stream"] = True
        if usage:
            body["stream_options"] = {"include_usage": True}
        try:
            stream = await self._upstream.stream(
                ChatChunk, _PATH, orjson.dumps(body), call, events=lambda: OpenAIEvents(usage=usage)
            )
        except InvalidRequest as error:
            raise _blamed(error, body) from error
        return stream if _wants_alternatives(request) else _edited_stream(stream)

    async def _prepare(self, request: ChatRequest, call: Call) -> tuple[Event, Calling | None]:
        """What is sent for an answer in words, and what comes before it because a tool is to be called."""
        body = chat_body(request, self._traits)
        if self._traits.tool_calls == "native":
            return body, None
        offer = offer_of(request)
        for name in ("tools", "tool_choice", "parallel_tool_calls"):
            body.pop(name, None)
        if offer is None and not has_tool_history(request.messages):
            return body, None
        body["messages"] = converse(request.messages)
        if offer is None:
            return body, None
        calling = Calling(self._upstream, offer, body, request.messages, call)
        if offer.must or (calling.rounds < self._traits.tool_rounds and await calling.is_wanted()):
            return body, calling
        return body, None


def _one(request: ChatRequest, index: int) -> ChatRequest:
    """The request for one of several choices: the same seed again would give the same again."""
    seed = request.seed + index if isinstance(request.seed, int) else request.seed
    return request.model_copy(update={"n": MISSING, "seed": seed})


def _wants_usage(request: ChatRequest) -> bool:
    options = request.stream_options
    return given(options) and getattr(options, "include_usage", None) is True


def _wants_alternatives(request: ChatRequest) -> bool:
    """Whether alternatives of tokens may stay as they come: they were asked for, or no probabilities were."""
    return request.logprobs is not True or bool(given(request.top_logprobs) and request.top_logprobs)


def _blamed(error: InvalidRequest, body: Event) -> InvalidRequest:
    """The error with the field that llama.cpp means by its message, where that is its schema or grammar."""
    said = error.message.lower()
    if error.param is not None or type(error) is not InvalidRequest or not ("schema" in said or "grammar" in said):
        return error
    for name, param in (("response_format", "response_format.json_schema.schema"), ("grammar", "grammar")):
        if name in body:
            return InvalidRequest(error.message, param=param)
    return error


def _edited(answer: Answer[ChatCompletion]) -> Answer[ChatCompletion]:
    event = read_object(answer.body)
    _without_alternatives(event)
    return Answer(ChatCompletion, body=orjson.dumps(event), headers=answer.headers)


def _edited_stream(stream: Stream[ChatChunk]) -> Stream[ChatChunk]:
    reads = _edited_reads(stream, _without_alternatives)
    return Stream(ChatChunk, reads=reads, headers=stream.headers, close=stream.aclose)


async def _edited_reads(stream: Stream[Any], edit: Callable[[Event], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(stream):
        async for read in stream.reads():
            for data in frames(read):
                event = read_object(data)
                edit(event)
                yield encode(event)


def _without_alternatives(event: Event) -> None:
    try:
        for choice in event["choices"]:
            for token in (choice.get("logprobs") or {}).get("content") or ():
                token["top_logprobs"] = []
    except (AttributeError, KeyError, TypeError):
        raise UpstreamInvalid("The upstream's answer has probabilities that are none.") from None

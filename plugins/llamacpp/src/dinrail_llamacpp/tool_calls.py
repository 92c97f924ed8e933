"""The calls of a model that is asked for them in words: whether it wants a tool, and what it calls."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.messages import Message
from dinrail_core.api.chat.response import ChatChoice, ChatChunk, ChatCompletion, ChatMessage, ChunkChoice, Delta
from dinrail_core.api.chat.response import ToolCallDelta as CallDelta
from dinrail_core.api.chat.tools import CustomCall, CustomToolCall, FunctionCall, FunctionToolCall
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest, UpstreamInvalid
from dinrail_llamacpp.choices import Event
from dinrail_llamacpp.tools.calls import CallReader, Distinct, Piece
from dinrail_llamacpp.tools.offer import Offer
from dinrail_llamacpp.tools.prompt import CALL, DECISION_GRAMMAR, calls_since_user, normal, with_tools
from dinrail_llamacpp.tools.schemas import alone, answer_schema
from dinrail_sdk.upstream import Upstream
from dinrail_sdk.upstream.openai_events import OpenAIEvents

__all__ = ["Calling"]

_PATH = "chat/completions"

_OF_THE_TEXT = ("response_format", "json_schema", "grammar", "stop", "logprobs", "top_logprobs", "logit_bias")
"""Fields that are about the words of an answer and mean nothing for a call."""


class Calling:
    """One answer that may be calls.

    Args:
        upstream: The server.
        offer: The tools.
        body: What would be sent for an answer in words; its messages are words alone.
        messages: The conversation as the request has it.
        call: On whose behalf, and until when.

    Attributes:
        rounds: How often tools were called since the user spoke.
    """

    def __init__(self, upstream: Upstream, offer: Offer, body: Event, messages: Sequence[Message], call: Call) -> None:
        self._upstream = upstream
        self._offer = offer
        self._call = call
        self._turns = body["messages"]
        self.rounds, made = calls_since_user(messages)
        self._made = frozenset() if offer.must else made
        self._body = {name: value for name, value in body.items() if name not in _OF_THE_TEXT}
        self._body["messages"] = with_tools(offer, self._turns, decide=False)
        # Without a wish of the caller's, the likeliest call is the best.
        self._body.setdefault("temperature", 0)

    async def is_wanted(self) -> bool:
        """Whether the model says that it needs a tool."""
        turns = with_tools(self._offer, self._turns, decide=True)
        decision = {"messages": turns, "model": self._body.get("model", ""), "grammar": DECISION_GRAMMAR}
        answer = await self._ask({**decision, "max_tokens": 8, "temperature": 0})
        return _text(answer.value).startswith(CALL[:1])

    async def complete(self) -> Answer[ChatCompletion] | None:
        """The calls as one answer, or ``None`` where the model would only repeat calls whose results it has."""
        answer = await self._ask({**self._body, **self._form()})
        completion = answer.value
        reader = CallReader()
        distinct = Distinct()
        pieces = distinct.feed(reader.feed(_text(completion)))
        calls = _assembled([*pieces, *distinct.rest(whole=reader.whole)])
        finish = completion.choices[0].finish_reason
        _check(reader, finish)
        if self._made and calls and all(_made(call) in self._made for call in calls):
            return None
        message = ChatMessage(content=None, tool_calls=[*calls]) if calls else ChatMessage(content="")
        choice = ChatChoice(index=0, message=message, finish_reason=_finish(finish))
        return Answer(ChatCompletion, value=completion.model_copy(update={"choices": [choice]}))

    async def stream(self, *, usage: bool) -> Stream[ChatChunk] | None:
        """As :meth:`complete`, streamed; what may turn out to be a repetition comes in one piece.

        Args:
            usage: Whether the tokens are told.
        """
        if self._made:
            answer = await self.complete()
            return None if answer is None else Stream.of(ChatChunk, _in_chunks(answer.value, usage))
        body = {**self._body, **self._form(), "stream": True}
        if usage:
            body["stream_options"] = {"include_usage": True}
        try:
            stream = await self._upstream.stream(
                ChatChunk, _PATH, orjson.dumps(body), self._call, events=lambda: OpenAIEvents(usage=usage)
            )
        except InvalidRequest as error:
            raise await self._blamed(error) from error
        return Stream(
            ChatChunk, values=_called(stream, self._offer.several), headers=stream.headers, close=stream.aclose
        )

    def _form(self) -> Event:
        schema = answer_schema(self._offer)
        return {"response_format": {"type": "json_schema", "json_schema": {"name": "call", "schema": schema}}}

    async def _ask(self, body: Event) -> Answer[ChatCompletion]:
        try:
            return await self._upstream.answer(ChatCompletion, _PATH, orjson.dumps(body), self._call)
        except InvalidRequest as error:
            raise await self._blamed(error) from error

    async def _blamed(self, error: InvalidRequest) -> InvalidRequest:
        """The error with the tool whose schema llama.cpp cannot compile; it does not say which one that is."""
        said = error.message.lower()
        if type(error) is not InvalidRequest or not ("schema" in said or "grammar" in said):
            return error
        for tool in self._offer.callable:
            form = {"type": "json_schema", "json_schema": {"name": "call", "schema": alone(tool)}}
            try:
                await self._upstream.answer(
                    ChatCompletion,
                    _PATH,
                    orjson.dumps({**_PROBE, "model": self._body.get("model", ""), "response_format": form}),
                    self._call,
                )
            except InvalidRequest as own:
                return InvalidRequest(own.message, param=tool.schema_param)
        return InvalidRequest(error.message, param="tools")


_PROBE: Event = {"messages": [{"role": "user", "content": "?"}], "max_tokens": 1, "temperature": 0}


async def _called(stream: Stream[ChatChunk], several: bool) -> AsyncGenerator[ChatChunk, None]:
    """Chunks of text, turned into chunks of calls."""
    reader = CallReader()
    distinct = Distinct()
    began = False
    async with aclosing(stream):
        async for chunk in stream:
            if not chunk.choices:
                yield chunk
                continue
            if not began:
                began = True
                yield _chunk(chunk, Delta(role="assistant", content=None))
            choice = chunk.choices[0]
            content = choice.delta.content
            pieces = reader.feed(content if isinstance(content, str) else "")
            if several:
                pieces = distinct.feed(pieces)
                if choice.finish_reason is not None:
                    pieces += distinct.rest(whole=reader.whole)
            if pieces:
                yield _chunk(chunk, Delta(tool_calls=[_delta(piece) for piece in pieces]))
            if choice.finish_reason is not None:
                _check(reader, choice.finish_reason)
                yield _chunk(chunk, Delta(), _finish(choice.finish_reason))


async def _in_chunks(completion: ChatCompletion, usage: bool) -> AsyncGenerator[ChatChunk, None]:
    """A whole answer as a stream."""
    base = ChatChunk(id=completion.id, created=completion.created, model=completion.model, choices=[])
    choice = completion.choices[0]
    yield _chunk(base, Delta(role="assistant", content=None))
    calls = () if choice.message.tool_calls is MISSING else choice.message.tool_calls
    if calls:
        yield _chunk(base, Delta(tool_calls=[_whole_delta(index, call) for index, call in enumerate(calls)]))
    yield _chunk(base, Delta(), choice.finish_reason)
    if usage and completion.usage is not MISSING:
        yield base.model_copy(update={"usage": completion.usage})


def _chunk(base: ChatChunk, delta: Delta, finish: str | None = None) -> ChatChunk:
    return base.model_copy(update={"choices": [ChunkChoice(index=0, delta=delta, finish_reason=finish)]})


def _delta(piece: Piece) -> CallDelta:
    """A piece of a call. Chunks have no field of their own for custom tools; theirs are like the whole call's."""
    kind, content = ("custom", "input") if piece.custom else ("function", "arguments")
    told: dict[str, Any] = {"index": piece.index}
    if piece.name is not None:
        told |= {"id": _new_id(), "type": kind, kind: {"name": piece.name, content: ""}}
    else:
        told[kind] = {content: piece.text}
    return CallDelta.model_validate(told)


def _whole_delta(index: int, call: BaseModel) -> CallDelta:
    return CallDelta.model_validate({"index": index, **call.model_dump()})


def _assembled(pieces: Iterable[Piece]) -> list[FunctionToolCall | CustomToolCall]:
    names: list[Piece] = []
    texts: list[str] = []
    for piece in pieces:
        if piece.name is not None:
            names.append(piece)
            texts.append("")
        texts[piece.index] += piece.text
    return [
        CustomToolCall(id=_new_id(), custom=CustomCall(name=piece.name or "", input=text))
        if piece.custom
        else FunctionToolCall(id=_new_id(), function=FunctionCall(name=piece.name or "", arguments=text))
        for piece, text in zip(names, texts, strict=True)
    ]


def _made(call: FunctionToolCall | CustomToolCall) -> tuple[str, str]:
    if isinstance(call, CustomToolCall):
        return call.custom.name, normal(call.custom.input)
    return call.function.name, normal(call.function.arguments)


def _text(completion: ChatCompletion) -> str:
    if not completion.choices:
        raise UpstreamInvalid("The upstream's answer has no choices.")
    return completion.choices[0].message.content or ""


def _check(reader: CallReader, finish: str) -> None:
    """An answer that ended well has at least one call; one that was cut may not have come so far."""
    if reader.calls == 0 and finish != "length":
        raise UpstreamInvalid("The upstream did not hold its answer to the schema that it was given.")


def _finish(finish: str) -> str:
    return "tool_calls" if finish == "stop" else finish


def _new_id() -> str:
    return f"call_{secrets.token_hex(12)}"

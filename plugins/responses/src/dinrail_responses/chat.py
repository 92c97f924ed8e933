"""Answering over a chat model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from dinrail_core.api.answers import Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_core.hooks.context import Target
from dinrail_responses.chat_messages import Scene, tool_messages
from dinrail_responses.citations import Citations
from dinrail_responses.parsing import parsed
from dinrail_responses.reduce import ChatReducer, Manner, Step, as_chunk
from dinrail_responses.scribe import Scribe
from dinrail_responses.speaker import INSTANCE, Speaker, counted, drop_older_half, listen
from dinrail_responses.spending import Bill
from dinrail_responses.tools.interface import Exchange, Json, Offer
from dinrail_responses.tools.toolbox import Toolbox
from dinrail_responses.writers import NewId

__all__ = ["ChatSpeaker", "settings"]

_PASSED = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "user",
)
_TIERS = frozenset({"default", "flex", "scale", "priority", "fast"})


class ChatSpeaker(Speaker):
    """A chat model.

    Args:
        target: The model.
        call: On whose behalf.
        base: What every question says (:func:`settings`).
        messages: What has been said.
        scene: What items are understood by.
        new_id: Makes the ids of items.
        seal: Makes encrypted content, where that was asked for.
        carry: Seals what is carried from turn to turn.
        streamed: Whether the answer is told as it comes.
        summary: A summary of the model's thoughts was asked for.
        parallel: What the caller says about calls side by side.
    """

    def __init__(
        self,
        target: Target[ChatModel],
        call: Call,
        base: Json,
        messages: list[Json],
        *,
        scene: Scene,
        new_id: NewId,
        seal: Callable[[str], str] | None,
        carry: Callable[[str], str],
        streamed: bool,
        summary: bool,
        parallel: bool | None,
    ) -> None:
        self._target = target
        self._call = call
        self._base = base
        self._messages = messages
        self._scene = scene
        self._new_id = new_id
        self._seal = seal
        self._carry = carry
        self._streamed = streamed
        self._summary = summary
        self._parallel = parallel
        self.step = Step()

    async def ask(
        self, scribe: Scribe, toolbox: Toolbox, citations: Citations, limit: int | None
    ) -> AsyncGenerator[None, None]:
        manner = Manner(
            offers=toolbox.offers,
            new_id=self._new_id,
            citations=citations,
            summary=self._summary,
            logprobs=bool(self._base.get("logprobs")),
            seal=self._seal,
            carry=self._carry,
        )
        request = self._request(toolbox, limit)
        reducer = ChatReducer(scribe, manner)
        bill = Bill(self._call, self._target, self._messages)
        try:
            if self._streamed:
                opening = self._opened(reducer, self._target.provider.stream(request, self._call))
                async with aclosing(listen(opening, reducer.feed, bill)) as reads:
                    async for _ in reads:
                        yield
            else:
                answer = await self._target.provider.complete(request, self._call)
                bill.open(answer.headers)
                reducer.owner = self._owner(answer.headers)
                bill.hear(len(answer.body) // 4)
                reducer.feed(as_chunk(parsed(answer.body)))
                yield
        except BaseException:
            reducer.abort()
            bill.settle(None)
            raise
        self.step = reducer.end()
        bill.settle(self.step.usage)
        self._messages.append(self.step.said)
        yield

    async def _opened(self, reducer: ChatReducer, opening: Awaitable[Stream[Any]]) -> Stream[Any]:
        stream = await opening
        reducer.owner = self._owner(stream.headers)
        return stream

    def _owner(self, headers: Mapping[str, str]) -> str:
        """The instance that has answered."""
        return headers.get(INSTANCE) or self._target.instance

    async def count(self, toolbox: Toolbox) -> int:
        """Chats have no words for counting: the server counts for an answer of one token."""
        free = {"tool_choice": MISSING, "response_format": MISSING}  # which may not fit into one token
        request = self._request(toolbox, 1).model_copy(update=free)
        bill = Bill(self._call, self._target, self._messages)
        answer = await self._target.provider.complete(request, self._call)
        bill.open(answer.headers)
        usage = parsed(answer.body).get("usage") or {}
        bill.settle(usage)
        return counted(usage.get("prompt_tokens"))

    def tell(self, exchanges: Sequence[Exchange]) -> None:
        images: list[Json] = []
        known = {call["id"] for call in self._messages[-1].get("tool_calls", ())} if self._messages else set()
        for exchange in exchanges:
            call = exchange.call
            if call.id not in known:  # nobody has called it here: it was approved meanwhile
                function = {"name": call.name, "arguments": call.arguments}
                called = [{"id": call.id, "type": "function", "function": function}]
                self._messages.append({"role": "assistant", "content": None, "tool_calls": called})
            answer, *rest = tool_messages(call.id, exchange.told, self._scene)
            self._messages.append(answer)
            images += rest
        self._messages += images

    def resume(self, step: Step) -> None:
        self.step = step
        self._messages.append(step.said)

    def forget(self) -> bool:
        return drop_older_half(self._messages)

    def _request(self, toolbox: Toolbox, limit: int | None) -> ChatRequest:
        if not self._messages:
            raise InvalidRequest("Nothing in the input says anything to the model.", param="input")
        body = {**self._base, "messages": self._messages}
        if limit is not None:
            body["max_completion_tokens"] = limit
        offers = toolbox.offers
        if offers:
            body["tools"] = [_tool(offer) for offer in offers.values()]
            if toolbox.named is not None:
                body["tool_choice"] = {"type": "function", "function": {"name": toolbox.named}}
            elif toolbox.wish != "auto":
                body["tool_choice"] = toolbox.wish
            if self._parallel is not None:
                body["parallel_tool_calls"] = self._parallel
        if self._streamed:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        request = ChatRequest.model_validate(body)
        # Of several models the rail tells each what it can read.
        return request if self._target.leads_to else request.told_to(self._target.instance)


def settings(asked: Json, model: str) -> Json:
    """What a request says about every question, as a chat says it.

    Args:
        asked: The request as JSON.
        model: The upstream's name of the model.

    Raises:
        UnsupportedFeature: A chat has no words for it.
    """
    if (asked.get("reasoning") or {}).get("mode") not in (None, "standard"):
        raise UnsupportedFeature("This model knows no other mode than 'standard'.", param="reasoning.mode")
    body: Json = {"model": model, **{name: asked[name] for name in _PASSED if asked.get(name) is not None}}
    if asked.get("service_tier") in _TIERS:
        body["service_tier"] = asked["service_tier"]
    effort = (asked.get("reasoning") or {}).get("effort")
    if effort is not None:
        body["reasoning_effort"] = effort
    body |= _text(asked.get("text") or {})
    odds = asked.get("top_logprobs") or 0
    if odds or "message.output_text.logprobs" in (asked.get("include") or ()):
        body |= {"logprobs": True, "top_logprobs": odds}
    return body


def _text(text: Json) -> Json:
    body: Json = {}
    form = text.get("format") or {"type": "text"}
    if form["type"] == "json_schema":
        kept = ("name", "description", "schema", "strict")
        schema = {name: form[name] for name in kept if form.get(name) is not None}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form["type"] == "json_object":
        body["response_format"] = {"type": "json_object"}
    if text.get("verbosity") is not None:
        body["verbosity"] = text["verbosity"]
    return body


def _tool(offer: Offer) -> Json:
    function: Json = {"name": offer.name, "parameters": offer.parameters}
    if offer.description is not None:
        function["description"] = offer.description
    if offer.strict is not None:
        function["strict"] = offer.strict
    return {"type": "function", "function": function}

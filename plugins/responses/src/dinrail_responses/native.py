"""Answering over an upstream that speaks the Responses API itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from dinrail_core.api.answers import Stream
from dinrail_core.api.call import Call
from dinrail_core.api.responses import CountTokens, CreateResponse
from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.api.wire import MISSING, decode_request
from dinrail_core.errors import UnsupportedFeature, UpstreamInvalid
from dinrail_core.hooks.context import Target
from dinrail_responses.citations import Citations
from dinrail_responses.hosted import Divided
from dinrail_responses.native_input import NativeScene, exchanged
from dinrail_responses.native_reduce import NativeReducer
from dinrail_responses.parsing import parsed
from dinrail_responses.reduce import Manner, Step
from dinrail_responses.scribe import Scribe
from dinrail_responses.speaker import INSTANCE, Speaker, counted, drop_older_half, listen
from dinrail_responses.spending import Bill
from dinrail_responses.tools.interface import Exchange, Json, Offer
from dinrail_responses.tools.toolbox import Toolbox

__all__ = ["NativeSpeaker", "native_settings"]

_PASSED = (
    "temperature",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "top_logprobs",
    "text",
    "reasoning",
    "context_management",
    "truncation",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "user",
)
_NOT_TO_PLAIN = frozenset({"context_management", "truncation", "prompt_cache_options", "prompt_cache_retention"})
"""What plain servers do not know, or what this server does for them."""

_SEALED = "reasoning.encrypted_content"
_LOGPROBS = "message.output_text.logprobs"

_COUNTED = CountTokens.model_fields.keys()
"""What of a question is counted."""

_OF_THE_CALLER = frozenset({"function_call", "custom_tool_call"})

_LEAST = 16
"""Tokens that the API lets an answer be limited to."""


class NativeSpeaker(Speaker):
    """A model behind the Responses API. Nothing is kept there: every question brings all that has been said.

    Args:
        target: The model.
        call: On whose behalf.
        base: What every question says (:func:`native_settings`).
        items: What has been said, as the upstream is told it.
        scene: What items are understood by.
        divided: The request's tools.
        new_id: Makes the ids of items.
        seal: Makes encrypted content where the upstream makes none, if the caller asked for it.
        streamed: Whether the answer is told as it comes.
        summary: A summary of the model's thoughts was asked for.
        parallel: What the caller says about calls side by side.
    """

    def __init__(
        self,
        target: Target[NativeResponses],
        call: Call,
        base: Json,
        items: list[Json],
        *,
        scene: NativeScene,
        divided: Divided,
        new_id: Callable[[str], str],
        seal: Callable[[str], str] | None,
        streamed: bool,
        summary: bool,
        parallel: bool | None,
    ) -> None:
        self._target = target
        self._call = call
        self._base = base
        self._items = items
        self._scene = scene
        self._divided = divided
        self._new_id = new_id
        self._seal = seal
        self._streamed = streamed
        self._summary = summary
        self._parallel = parallel
        self._plain = scene.plain
        self._raw = dict(_own(divided.tools))
        self._answered = False
        self.step = Step()

    async def ask(
        self, scribe: Scribe, toolbox: Toolbox, citations: Citations, limit: int | None
    ) -> AsyncGenerator[None, None]:
        logprobs = bool(self._base.get("top_logprobs")) or _LOGPROBS in self._base.get("include", ())
        manner = Manner(
            offers=toolbox.offers,
            new_id=self._new_id,
            citations=citations,
            summary=self._summary,
            logprobs=logprobs,
            seal=self._seal,
        )
        request = self._request(toolbox, limit, _calls_left(scribe))
        reducer = NativeReducer(scribe, manner, plain=self._plain)
        bill = Bill(self._call, self._target, self._items)
        try:
            if self._streamed:
                opening = self._opened(reducer, self._target.provider.stream_response(request, self._call))
                async with aclosing(listen(opening, reducer.feed, bill)) as reads:
                    async for _ in reads:
                        yield
            else:
                answer = await self._target.provider.respond(request, self._call)
                bill.open(answer.headers)
                reducer.owner = self._owner(answer.headers)
                bill.hear(len(answer.body) // 4)
                reducer.feed({"type": "response.completed", "response": parsed(answer.body)})
                yield
            step = reducer.end()
        except BaseException:
            reducer.abort()
            bill.settle(None)
            raise
        bill.settle(step.usage)
        self.resume(step)
        yield

    async def _opened(self, reducer: NativeReducer, opening: Awaitable[Stream[Any]]) -> Stream[Any]:
        stream = await opening
        reducer.owner = self._owner(stream.headers)
        return stream

    def _owner(self, headers: Mapping[str, str]) -> str:
        """The instance that has answered."""
        return headers.get(INSTANCE) or self._target.instance

    async def count(self, toolbox: Toolbox) -> int:
        """By the operation that there is for it; where there is none, the server counts for a short answer."""
        request = self._request(toolbox, None, None)
        if not self._plain:
            asked = {name: value for name, value in request.model_dump(mode="json").items() if name in _COUNTED}
            try:
                answer = await self._target.provider.count_input(decode_request(CountTokens, asked), self._call)
                return counted(parsed(answer.body).get("input_tokens"))
            except (UnsupportedFeature, UpstreamInvalid):
                pass
        short = {"max_output_tokens": _LEAST, "tool_choice": MISSING, "text": MISSING, "stream": MISSING}
        bill = Bill(self._call, self._target, self._items)
        answered = await self._target.provider.respond(request.model_copy(update=short), self._call)
        bill.open(answered.headers)
        usage = parsed(answered.body).get("usage") or {}
        bill.settle(usage)
        return counted(usage.get("input_tokens"))

    def tell(self, exchanges: Sequence[Exchange]) -> None:
        known = {item["call_id"] for item in self._items if item.get("type") in ("function_call", "custom_tool_call")}
        for exchange in exchanges:
            self._items += exchanged(exchange, self._scene, called=exchange.call.id in known)

    def resume(self, step: Step) -> None:
        self.step = step
        self._answered = True
        self._items += step.said["items"]

    def forget(self) -> bool:
        return drop_older_half(self._items)

    def _request(self, toolbox: Toolbox, limit: int | None, calls: int | None) -> CreateResponse:
        body: Json = {**self._base, "input": self._items}
        if limit is not None:
            body["max_output_tokens"] = max(limit, _LEAST)
        hosted = list(self._divided.hosted) if calls is None or calls > 0 else []
        if hosted and calls is not None:
            body["max_tool_calls"] = calls
        tools = [self._tool(offer) for offer in toolbox.offers.values()] + hosted
        if tools:
            body["tools"] = tools
            choice = self._choice(toolbox)
            if choice is not None:
                body["tool_choice"] = choice
            if self._parallel is not None:
                body["parallel_tool_calls"] = self._parallel
        if self._streamed:
            body["stream"] = True
        request = decode_request(CreateResponse, body)
        # Of several models the rail tells each what it can read.
        return request if self._target.leads_to else request.told_to(self._target.instance)

    def _choice(self, toolbox: Toolbox) -> Any:
        if self._divided.hosted_choice is not None and not self._answered:
            return self._divided.hosted_choice
        if toolbox.named is not None:
            custom = self._tool(toolbox.offers[toolbox.named])["type"] == "custom"
            return {"type": "custom" if custom else "function", "name": toolbox.named}
        return toolbox.wish if toolbox.wish == "required" else None

    def _tool(self, offer: Offer) -> Json:
        """A tool of the caller's as the request says it, and one of this server's as a function."""
        runs = offer.caller_runs
        if runs is not None and not (self._plain and runs.item == "custom_tool_call"):
            return {**self._raw[runs.item, runs.name, runs.namespace], "name": offer.name}
        # Schemas of tools are as they come: `strict` is what the API takes them for where nothing is said.
        function: Json = {"type": "function", "name": offer.name, "parameters": offer.parameters}
        return {**function, "description": offer.description, "strict": bool(offer.strict)}


def _calls_left(scribe: Scribe) -> int | None:
    """How many calls of tools that are not the caller's may still be run for a response, whoever runs them."""
    limit: int | None = scribe.response["max_tool_calls"]
    run = [item for item in scribe.output if item["type"].endswith("_call") and item["type"] not in _OF_THE_CALLER]
    return None if limit is None else limit - len(run)


def native_settings(asked: Json, model: str, hosted: Sequence[Json], *, plain: bool) -> Json:
    """What a request says about every question, as the upstream is told it.

    Args:
        asked: The request as JSON.
        model: The upstream's name of the model.
        hosted: The upstream's own tools, of which it may be asked to tell more.
        plain: See :attr:`NativeResponses.plain`.
    """
    body: Json = {"model": model, "store": False}
    passed = [name for name in _PASSED if not (plain and name in _NOT_TO_PLAIN)]
    body |= {name: asked[name] for name in passed if asked.get(name) is not None}
    include = [name for name in asked.get("include") or () if _is_passed(name, hosted, plain=plain)]
    if not plain and (asked.get("reasoning") or {}).get("effort") is not None and _SEALED not in include:
        include.append(_SEALED)  # the model thinks, and is to know in the next turn what it thought in this one
    return body if plain and not include else {**body, "include": include}  # some plain servers refuse the field


def _is_passed(name: str, hosted: Sequence[Json], *, plain: bool) -> bool:
    """Whether the upstream is asked to tell something: of what is kept here, and of tools that run here, it cannot."""
    if name == _LOGPROBS or plain:
        return name == _LOGPROBS
    tool, is_call, _ = name.partition("_call.")
    return name == _SEALED or (bool(is_call) and any(one["type"].startswith(tool) for one in hosted))


def _own(tools: Sequence[Json | None]) -> list[tuple[tuple[str, str, str | None], Json]]:
    """The caller's own tools, by the item, the name and the namespace of their calls."""
    found: list[tuple[tuple[str, str, str | None], Json]] = []
    for tool in tools:
        if tool is None:
            continue
        inside = tool["tools"] if tool["type"] == "namespace" else [tool]
        namespace = tool["name"] if tool["type"] == "namespace" else None
        for own in inside:
            if own["type"] in ("function", "custom"):
                item = "custom_tool_call" if own["type"] == "custom" else "function_call"
                found.append(((item, own["name"], namespace), own))
    return found

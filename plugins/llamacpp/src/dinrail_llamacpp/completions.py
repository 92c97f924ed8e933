"""Completions of the older kind: llama.cpp's answers in OpenAI's shape, prompt by prompt."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import orjson

from dinrail_core.api.answers import Answer, Stream, frames
from dinrail_core.api.call import Call
from dinrail_core.api.completions import CompletionRequest, TextCompletion
from dinrail_core.errors import InvalidRequest, UnsupportedFeature, UpstreamInvalid
from dinrail_llamacpp.choices import Event, answer_choices, encode, read_object, stream_choices
from dinrail_llamacpp.requests import dumped, given, limit_answer
from dinrail_llamacpp.traits import Traits
from dinrail_sdk.upstream import Upstream

__all__ = ["Completions"]

_PATH = "completions"

Prompt = str | list[int]


class Completions:
    """Continues texts through one llama.cpp server.

    Each prompt is sent by itself: llama.cpp's stream of several begins with an event that is none, and it tells the
    tokens of the first prompt alone.

    Args:
        upstream: The server.
        traits: What is known of it and of the model.
    """

    def __init__(self, upstream: Upstream, traits: Traits) -> None:
        self._upstream = upstream
        self._traits = traits

    async def complete(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        """See :meth:`~dinrail_core.api.completions.CompletionModel.complete_text`."""
        bodies, n = self._bodies(request)

        async def ask(index: int) -> Answer[TextCompletion]:
            body = orjson.dumps(bodies[index])
            answer = await self._upstream.answer(TextCompletion, _PATH, body, call)
            event = read_object(answer.body)
            edit(index)(event)
            return Answer(TextCompletion, body=orjson.dumps(event), headers=answer.headers)

        edit = _editors(request, bodies)
        return await answer_choices(TextCompletion, len(bodies), ask, per_prompt=n)

    async def stream(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        """See :meth:`~dinrail_core.api.completions.CompletionModel.stream_text`."""
        bodies, n = self._bodies(request)
        usage = given(request.stream_options) and getattr(request.stream_options, "include_usage", None) is True

        async def ask(index: int) -> Stream[TextCompletion]:
            body = {**bodies[index], "stream": True, "stream_options": {"include_usage": usage}}
            stream = await self._upstream.stream(TextCompletion, _PATH, orjson.dumps(body), call)
            reads = _edited(stream, edit(index))
            return Stream(TextCompletion, reads=reads, headers=stream.headers, close=stream.aclose)

        edit = _editors(request, bodies)
        return await stream_choices(TextCompletion, len(bodies), ask, per_prompt=n, usage=usage)

    def _bodies(self, request: CompletionRequest) -> tuple[list[Event], int]:
        """What is sent for each choice, and how many of them belong to one prompt."""
        prompts = _prompts(request)
        _check(request, prompts)
        body = dumped(request)
        for name in ("stream", "stream_options", "n", "best_of", "echo", "suffix", "prompt"):
            body.pop(name, None)
        if request.logprobs == 0:
            body["logprobs"] = 1  # none would mean no probabilities at all; the alternatives are taken out again
        body = limit_answer(body, self._traits)
        n = request.n if isinstance(request.n, int) else 1
        bodies = []
        for prompt, index in itertools.product(prompts, range(n)):
            one = {**body, "prompt": prompt}
            if isinstance(request.seed, int):
                one["seed"] = request.seed + index
            bodies.append(one)
        return bodies, n


def _prompts(request: CompletionRequest) -> Sequence[Prompt]:
    prompt: Any = request.prompt
    if prompt is None:
        raise UnsupportedFeature("A prompt is needed: llama.cpp does not begin out of nothing.", param="prompt")
    if isinstance(prompt, str) or (prompt and isinstance(prompt[0], int)):
        return [prompt]
    return list(prompt)


def _check(request: CompletionRequest, prompts: Sequence[Prompt]) -> None:
    """Refuse what llama.cpp would ignore: it says nothing and answers something else.

    Raises:
        UnsupportedFeature: For what it does not do.
        InvalidRequest: For what makes no sense.
    """
    if not prompts or any(len(prompt) == 0 for prompt in prompts):
        raise InvalidRequest("A prompt must not be empty.", param="prompt")
    if request.max_tokens == 0:
        raise UnsupportedFeature("llama.cpp makes at least one token.", param="max_tokens")
    if given(request.suffix) and request.suffix:
        raise UnsupportedFeature("llama.cpp does not fill in before a suffix here.", param="suffix")
    n = request.n if isinstance(request.n, int) else 1
    if isinstance(request.best_of, int) and request.best_of > n:
        raise UnsupportedFeature("llama.cpp does not choose the best of several.", param="best_of")
    if isinstance(request.best_of, int) and request.best_of < n:
        raise InvalidRequest("'best_of' must not be less than 'n'.", param="best_of")
    if request.echo is True:
        if isinstance(request.logprobs, int):
            raise UnsupportedFeature("llama.cpp does not tell the probabilities of a prompt.", param="logprobs")
        if not all(isinstance(prompt, str) for prompt in prompts):
            raise UnsupportedFeature("Only prompts of text are echoed.", param="echo")


def _editors(request: CompletionRequest, bodies: Sequence[Event]) -> Callable[[int], Callable[[Event], None]]:
    """For each choice, what turns llama.cpp's events into OpenAI's."""
    alternatives = request.logprobs if isinstance(request.logprobs, int) else None

    def editor(index: int) -> Callable[[Event], None]:
        offset = 0
        echo = str(bodies[index]["prompt"]) if request.echo is True else ""

        def edit(event: Event) -> None:
            nonlocal offset, echo
            if isinstance(event.get("id"), str):
                event["id"] = event["id"].replace("chatcmpl-", "cmpl-", 1)
            try:
                for choice in event["choices"]:
                    choice["logprobs"] = _legacy(choice.get("logprobs"), alternatives, offset)
                    choice["text"] = echo + choice["text"]
                    offset += len(choice["text"])
                    echo = ""
            except (AttributeError, KeyError, TypeError):
                raise UpstreamInvalid("The upstream's answer has choices that are none.") from None

        return edit

    return editor


def _legacy(logprobs: Any, alternatives: int | None, offset: int) -> Any:
    """Probabilities in the older shape, out of llama.cpp's, which is that of chats."""
    if not logprobs or "content" not in logprobs:
        return logprobs
    tokens: list[str] = []
    offsets: list[int] = []
    for token in logprobs["content"]:
        tokens.append(token["token"])
        offsets.append(offset)
        offset += len(token["token"])
    return {
        "tokens": tokens,
        "token_logprobs": [token["logprob"] for token in logprobs["content"]],
        "top_logprobs": [
            {other["token"]: other["logprob"] for other in token["top_logprobs"][: alternatives or 0]}
            for token in logprobs["content"]
        ],
        "text_offset": offsets,
    }


async def _edited(stream: Stream[TextCompletion], edit: Callable[[Event], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(stream):
        async for read in stream.reads():
            for data in frames(read):
                event = read_object(data)
                edit(event)
                yield encode(event)

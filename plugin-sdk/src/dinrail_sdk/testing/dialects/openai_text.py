"""Chats and completions in OpenAI's dialect, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from dinrail_sdk.testing.dialect import Rendered
from dinrail_sdk.testing.script import Asked, Say, Spoken, TokenOdds, Tokens

__all__ = ["chat", "completion"]

_CREATED = 1_700_000_000
_DONE = b"data: [DONE]\n\n"
_SSE = "text/event-stream; charset=utf-8"


def chat(script: Spoken, asked: Asked) -> Rendered:
    """An answer of ``POST /v1/chat/completions``."""
    if asked.stream:
        return _streamed(script, asked, "chat.completion.chunk", "chatcmpl-kit", _deltas)
    choices = [
        {
            "index": index,
            "message": _message(say),
            "finish_reason": say.finish,
            "logprobs": {"content": [_odds(token) for token in say.odds], "refusal": None} if say.odds else None,
        }
        for index, say in enumerate(script.choices)
    ]
    return _whole(script, asked, "chat.completion", "chatcmpl-kit", choices)


def completion(script: Spoken, asked: Asked) -> Rendered:
    """An answer of ``POST /v1/completions``."""
    if asked.stream:
        return _streamed(script, asked, "text_completion", "cmpl-kit", _texts)
    choices = [
        {
            "index": index,
            "text": say.text or "",
            "finish_reason": say.finish,
            "logprobs": _old_odds(say.odds, 0) if say.odds else None,
        }
        for index, say in enumerate(script.choices)
    ]
    return _whole(script, asked, "text_completion", "cmpl-kit", choices)


def _whole(script: Spoken, asked: Asked, kind: str, id: str, choices: list[dict[str, Any]]) -> Rendered:
    data = {"id": id, "object": kind, "created": _CREATED, "model": asked.model, "choices": choices, **script.extra}
    if script.usage is not None:
        data["usage"] = _usage(script.usage)
    return Rendered.whole(data)


def _streamed(script: Spoken, asked: Asked, kind: str, id: str, pieces: Any) -> Rendered:
    base = {"id": id, "object": kind, "created": _CREATED, "model": asked.model, **script.extra}
    told = script.usage is not None and (asked.wants_usage or script.volunteers_usage)
    usage: dict[str, Any] = {"usage": None} if told and asked.wants_usage else {}
    frames = [_frame({**base, "choices": [choice], **usage}) for choice in _in_turn(script.choices, pieces)]
    if told and script.usage is not None:
        frames.append(_frame({**base, "choices": [], "usage": _usage(script.usage)}))
    return Rendered(pieces=tuple(frames), content_type=_SSE, tail=_DONE, streamed=True)


def _in_turn(choices: tuple[Say, ...], pieces: Any) -> Iterator[dict[str, Any]]:
    """The choices' pieces, one of each in turn, as servers that sample them together send them."""
    for round_ in zip_longest(*(pieces(index, say) for index, say in enumerate(choices))):
        yield from (choice for choice in round_ if choice is not None)


def _deltas(index: int, say: Say) -> Iterator[dict[str, Any]]:
    def choice(delta: dict[str, Any], **rest: Any) -> dict[str, Any]:
        return {"index": index, "delta": delta, "finish_reason": None, **rest}

    yield choice({"role": "assistant", "content": "" if say.text is not None else None})
    yield from (choice({"reasoning_content": piece}) for piece in _cut(say.reasoning, say.piece))
    yield from (choice({"refusal": piece}) for piece in _cut(say.refusal, say.piece))
    if say.odds:
        for token in say.odds:
            yield choice({"content": token.text}, logprobs={"content": [_odds(token)], "refusal": None})
    else:
        yield from (choice({"content": piece}) for piece in _cut(say.text, say.piece))
    yield from (choice({"tool_calls": [call]}) for call in _calls(say))
    yield {"index": index, "delta": {}, "finish_reason": say.finish}


def _calls(say: Say) -> Iterator[dict[str, Any]]:
    """All calls are opened first, then their arguments come bit by bit, interleaved."""
    for index, call in enumerate(say.calls):
        function = {"name": call.name, "arguments": ""}
        yield {"index": index, "id": call.id, "type": "function", "function": function}
    cuts = ([*_cut(call.arguments, say.piece)] for call in say.calls)
    for round_ in zip_longest(*cuts):
        for index, piece in enumerate(round_):
            if piece is not None:
                yield {"index": index, "function": {"arguments": piece}}


def _texts(index: int, say: Say) -> Iterator[dict[str, Any]]:
    offset = 0
    if say.odds:
        for token in say.odds:
            yield {
                "index": index,
                "text": token.text,
                "finish_reason": None,
                "logprobs": _old_odds((token,), offset),
            }
            offset += len(token.text)
    else:
        for piece in _cut(say.text, say.piece):
            yield {"index": index, "text": piece, "finish_reason": None, "logprobs": None}
    yield {"index": index, "text": "", "finish_reason": say.finish, "logprobs": None}


def _cut(text: str | None, size: int) -> Iterator[str]:
    for at in range(0, len(text or ""), size):
        yield (text or "")[at : at + size]


def _message(say: Say) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": say.text, "refusal": say.refusal}
    if say.reasoning is not None:
        message["reasoning_content"] = say.reasoning
    if say.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in say.calls
        ]
    return message


def _odds(token: TokenOdds) -> dict[str, Any]:
    return {
        "token": token.text,
        "logprob": token.logprob,
        "bytes": list(token.text.encode()),
        "top_logprobs": [
            {"token": text, "logprob": logprob, "bytes": list(text.encode())} for text, logprob in token.others
        ],
    }


def _old_odds(tokens: tuple[TokenOdds, ...], offset: int) -> dict[str, Any]:
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.text)
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [token.logprob for token in tokens],
        "top_logprobs": [dict(token.others) for token in tokens],
        "text_offset": offsets,
    }


def _usage(tokens: Tokens) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "total_tokens": tokens.total,
    }
    if tokens.cached is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": tokens.cached}
    if tokens.reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    return usage


def _frame(data: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()

"""What Ollama answers, in OpenAI's words, whole and line by line. Pure but for what a reducer remembers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from dinrail_sdk.translation import Chunks, completion
from dinrail_sdk.translation import packed as pack
from dinrail_sdk.upstream import ReportedError

__all__ = ["ChatReducer", "read_chat", "read_embeddings", "seconds"]

_KNOWN = frozenset(
    {"model", "created_at", "message", "done", "done_reason", "prompt_eval_count", "eval_count", "logprobs"}
)


def read_chat(answer: Mapping[str, Any], id: str) -> dict[str, Any]:
    """A whole answer as a chat completion."""
    if answer["done"] is not True:
        raise ValueError("a whole answer is done")
    said = answer["message"]
    message: dict[str, Any] = {"role": "assistant", "content": said["content"], "refusal": None}
    if said.get("thinking"):
        message["reasoning_content"] = said["thinking"]
    calls = [_call(call, id, place) for place, call in enumerate(said.get("tool_calls") or ())]
    if calls:
        message["tool_calls"] = calls
        message["content"] = said["content"] or None
    choice = {"message": message, "finish_reason": _reason(answer, calls=bool(calls)), **_odds(answer)}
    about = {"id": id, "created": seconds(answer["created_at"]), "model": answer["model"]}
    return completion(about, choice, _usage(answer), _unknown(answer))


class ChatReducer:
    """One streamed answer; see :class:`~dinrail_sdk.translation.Reducer`.

    Args:
        id: The answer's id, since Ollama has none.
        usage: Whether the stream is to tell it.
    """

    def __init__(self, *, id: str, usage: bool) -> None:
        self.finished = False
        self.done = False
        self._id = id
        self._wanted = usage
        self._chunks: Chunks | None = None
        self._calls = 0

    def feed(self, event: dict[str, Any]) -> bytes:
        """See :meth:`~dinrail_sdk.translation.Reducer.feed`."""
        if "error" in event:
            raise ReportedError(event)
        frames = [] if self._chunks is not None else [self._begin(event)]
        message, chunks = event["message"], self._to
        text = message["content"]
        if type(text) is not str:
            raise TypeError("content is text")
        extra: Mapping[str, Any] = {}
        if len(event) > 4:
            extra = _unknown(event)
        thought, odds = message.get("thinking"), _odds(event)
        if thought:
            frames.append(chunks.delta({"reasoning_content": thought}, extra))
        if text or odds:
            plain = not extra and not odds
            frames.append(chunks.text(text) if plain else chunks.delta({"content": text}, extra, odds))
        for call in message.get("tool_calls") or ():
            made = _call(call, self._id, self._calls)
            frames.append(chunks.delta({"tool_calls": [{"index": self._calls, **made}]}, extra))
            self._calls += 1
        if event["done"] is True:
            frames += self._end(event, extra)
        return frames[0] if len(frames) == 1 else b"".join(frames)

    @property
    def _to(self) -> Chunks:
        assert self._chunks is not None
        return self._chunks

    def _begin(self, event: dict[str, Any]) -> bytes:
        self._chunks = Chunks(self._id, event["model"], seconds(event["created_at"]))
        return self._chunks.delta({"role": "assistant", "content": ""}, _unknown(event))

    def _end(self, event: dict[str, Any], extra: Mapping[str, Any]) -> list[bytes]:
        self.finished = self.done = True
        last = self._to.finish(_reason(event, calls=self._calls > 0), extra=extra)
        usage = _usage(event) if self._wanted else None
        return [last] if usage is None else [last, self._to.usage(usage, extra)]


def read_embeddings(answer: Mapping[str, Any], model: str, count: int, *, packed: bool) -> dict[str, Any]:
    """Vectors as OpenAI's embeddings.

    Args:
        answer: What ``/api/embed`` said.
        model: What was asked.
        count: How many texts it was given.
        packed: Whether they are wanted as base64.

    Raises:
        ValueError: There is not one vector for each text.
    """
    vectors = answer["embeddings"]
    if len(vectors) != count:
        raise ValueError("there is one vector for each text")
    tokens = answer.get("prompt_eval_count") or 0
    known = {"model", "embeddings", "prompt_eval_count"}
    return {
        **{key: value for key, value in answer.items() if key not in known},
        "object": "list",
        "model": answer.get("model") or model,
        "data": [
            {"object": "embedding", "index": place, "embedding": pack(vector) if packed else _numbers(vector)}
            for place, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def seconds(text: str) -> int:
    """Seconds since the epoch of a time as Go writes it (RFC 3339, nanoseconds); 0 for the year 1, which means unknown.

    Raises:
        ValueError: It is none.
    """
    return max(0, int(datetime.fromisoformat(text).timestamp()))


def _numbers(vector: Sequence[float]) -> Sequence[float]:
    if type(vector) is not list:
        raise TypeError("a vector is a list")
    return vector


def _call(call: Mapping[str, Any], id: str, place: int) -> dict[str, Any]:
    """A call; older versions give none an id, so one is made of the answer's."""
    function = call["function"]
    arguments = function.get("arguments")
    return {
        "id": call.get("id") or f"call_{id.removeprefix('chatcmpl-')}_{place}",
        "type": "function",
        "function": {
            "name": function["name"],
            "arguments": arguments if isinstance(arguments, str) else orjson.dumps(arguments or {}).decode(),
        },
    }


def _reason(answer: Mapping[str, Any], *, calls: bool) -> str:
    """Why it ended; Ollama says ``stop`` for calls as well, and older versions nothing."""
    reason = answer.get("done_reason") or "stop"
    if type(reason) is not str:
        raise TypeError("a reason is a word")
    return "tool_calls" if calls and reason == "stop" else reason


def _odds(answer: Mapping[str, Any]) -> dict[str, Any]:
    tokens = answer.get("logprobs")
    if not tokens:
        return {}
    content = [
        {**_token(token), "top_logprobs": [_token(other) for other in token.get("top_logprobs") or ()]}
        for token in tokens
    ]
    return {"logprobs": {"content": content, "refusal": None}}


def _token(token: Mapping[str, Any]) -> dict[str, Any]:
    told = token.get("bytes")
    return {"token": token["token"], "logprob": token["logprob"], "bytes": told or list(token["token"].encode())}


def _usage(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """Tokens; what is zero is left out by Ollama, and all of it where nothing was counted."""
    if "prompt_eval_count" not in answer and "eval_count" not in answer:
        return None
    prompt, said = answer.get("prompt_eval_count", 0), answer.get("eval_count", 0)
    return {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}


def _unknown(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in _KNOWN}

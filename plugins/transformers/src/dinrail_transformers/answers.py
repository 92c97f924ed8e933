"""What was said, in OpenAI's words."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.translation import Chunks, packed
from dinrail_transformers.forms import Call
from dinrail_transformers.speaking import End, Heard

__all__ = ["ChoiceFrames", "choice_of", "embeddings_body", "usage_of"]

_LETTERS = string.ascii_letters + string.digits
_LARGEST = 3.4028235e38


def usage_of(prompt: int, completion: int) -> dict[str, int]:
    """Tokens of a request; those of the prompt count once, however many choices there are."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def choice_of(index: int, heard: Iterable[Heard], end: End, *, logprobs: bool) -> dict[str, Any]:
    """A whole choice of a completion."""
    said = list(heard)
    pieces = [piece for one in said for piece in one.pieces]
    text = "".join(piece.text for piece in pieces)
    thoughts = "".join(piece.thought for piece in pieces)
    calls = [_called(piece.call) for piece in pieces if piece.call is not None]
    message: dict[str, Any] = {"role": "assistant", "content": text if text or not calls else None, "refusal": None}
    if thoughts:
        message["reasoning_content"] = thoughts
    if calls:
        message["tool_calls"] = calls
    tokens = {"content": [token for one in said for token in one.logprobs], "refusal": None} if logprobs else None
    return {"index": index, "message": message, "finish_reason": end.finish, "logprobs": tokens}


class ChoiceFrames:
    """A choice as the frames of a stream.

    Args:
        chunks: Writes them.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._calls = 0

    def begin(self) -> bytes:
        """Who speaks."""
        return self._chunks.delta({"role": "assistant", "content": ""})

    def frames(self, heard: Heard) -> bytes:
        """What was heard."""
        written = list(self._pieces(heard))
        if heard.logprobs:
            # Probabilities may be of tokens whose text waits, or was a mark; they stand in a chunk of their own.
            logprobs = {"logprobs": {"content": heard.logprobs, "refusal": None}}
            written.insert(0, self._chunks.delta({}, choice=logprobs))
        return b"".join(written)

    def finish(self, end: End) -> bytes:
        """Why it ended."""
        return self._chunks.finish(end.finish)

    def _pieces(self, heard: Heard) -> Iterator[bytes]:
        for piece in heard.pieces:
            if piece.call is not None:
                made = _called(piece.call)
                yield self._chunks.call(self._calls, made["id"], piece.call.name, piece.call.arguments)
                self._calls += 1
            elif piece.thought:
                yield self._chunks.thought(piece.thought)
            else:
                yield self._chunks.text(piece.text)


def embeddings_body(vectors: Sequence[Sequence[float]], form: str, *, model: str, tokens: int) -> bytes:
    """The answer of ``POST /v1/embeddings``.

    It is put together an entry at a time: the serializer keeps the interpreter's lock while it works.

    Raises:
        UpstreamInvalid: A vector holds something that is not a number.
    """
    entries = []
    for index, vector in enumerate(vectors):
        if not all(-_LARGEST <= value <= _LARGEST for value in vector):
            raise UpstreamInvalid("The model computed a vector that holds something that is not a number.")
        value = packed(vector) if form == "base64" else vector
        entries.append(orjson.dumps({"object": "embedding", "index": index, "embedding": value}))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    about: Mapping[str, Any] = {"object": "list", "model": model, "usage": usage}
    return b'%b,"data":[%b]}' % (orjson.dumps(about)[:-1], b",".join(entries))


def _called(call: Call) -> dict[str, Any]:
    # Mistral's chat templates take back ids of exactly nine letters and digits, and others take any.
    made = "".join(secrets.choice(_LETTERS) for _ in range(9))
    return {"id": made, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

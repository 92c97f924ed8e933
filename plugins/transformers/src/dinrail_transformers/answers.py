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
from dinrail_transformers.speaking import End, Heard, Scored, Token

__all__ = ["ChatWriter", "TextWriter", "choice_of", "embeddings_body", "text_choice_of", "usage_of"]

_LETTERS = string.ascii_letters + string.digits
_LARGEST = 3.4028235e38


def usage_of(prompt: int, completion: int) -> dict[str, int]:
    """Tokens of a request; those of the prompt count once, however many choices there are."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def choice_of(index: int, heard: Iterable[Heard], end: End, *, logprobs: bool) -> dict[str, Any]:
    """A whole choice of a chat."""
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
    scored = [_odds(one) for part in said for one in part.scored]
    tokens = {"content": scored, "refusal": None} if logprobs else None
    return {"index": index, "message": message, "finish_reason": end.finish, "logprobs": tokens}


class ChatWriter:
    """A chat as the frames of a stream; see :class:`~dinrail_transformers.answering.Writer`.

    Args:
        id: The answer's id.
        model: Who answers.
        created: Seconds since the epoch.
        usage: Whether it is told.
    """

    def __init__(self, id: str, model: str, created: int, *, usage: bool) -> None:
        self._about = (id, model, created)
        self._usage = usage
        self._chunks = Chunks(*self._about)
        self._calls = 0

    def begin(self, index: int) -> bytes:
        """Who speaks."""
        self._chunks = Chunks(*self._about, index)
        self._calls = 0
        return self._chunks.delta({"role": "assistant", "content": ""})

    def frames(self, index: int, heard: Heard) -> bytes:
        """What was heard."""
        written = list(self._pieces(heard))
        if heard.scored:
            # Probabilities may be of tokens whose text waits, or was a mark; they stand in a chunk of their own.
            logprobs = {"logprobs": {"content": [_odds(one) for one in heard.scored], "refusal": None}}
            written.insert(0, self._chunks.delta({}, choice=logprobs))
        return b"".join(written)

    def finish(self, index: int, end: End) -> bytes:
        """Why it ended."""
        return self._chunks.finish(end.finish)

    def last(self, prompt: int, completion: int) -> bytes:
        """What it cost, if that is told."""
        return self._chunks.usage(usage_of(prompt, completion)) if self._usage else b""

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


def text_choice_of(index: int, heard: Iterable[Heard], end: End, alternatives: int | None) -> dict[str, Any]:
    """A whole choice of a completion; ``alternatives`` is how many are told for each token, if any are."""
    said = list(heard)
    text = "".join(piece.text for part in said for piece in part.pieces)
    logprobs = None if alternatives is None else _text_odds([one for part in said for one in part.scored], alternatives)
    return {"index": index, "text": text, "finish_reason": end.finish, "logprobs": logprobs}


class TextWriter:
    """A completion as the frames of a stream; see :class:`~dinrail_transformers.answering.Writer`.

    Args:
        about: What is the same in every event.
        alternatives: How many are told for each token, if any are.
        usage: Whether it is told.
    """

    def __init__(self, about: Mapping[str, Any], alternatives: int | None, *, usage: bool) -> None:
        self._about = about
        self._alternatives = alternatives
        self._usage = usage

    def begin(self, index: int) -> bytes:
        """Nothing: nobody is said to speak."""
        return b""

    def frames(self, index: int, heard: Heard) -> bytes:
        """What was heard."""
        text = "".join(piece.text for piece in heard.pieces)
        shown = None if self._alternatives is None or not heard.scored else _text_odds(heard.scored, self._alternatives)
        return self._event({"index": index, "text": text, "finish_reason": None, "logprobs": shown})

    def finish(self, index: int, end: End) -> bytes:
        """Why it ended."""
        return self._event({"index": index, "text": "", "finish_reason": end.finish, "logprobs": None})

    def last(self, prompt: int, completion: int) -> bytes:
        """What it cost, if that is told."""
        if not self._usage:
            return b""
        return b"data: %b\n\n" % orjson.dumps({**self._about, "choices": [], "usage": usage_of(prompt, completion)})

    def _event(self, choice: Mapping[str, Any]) -> bytes:
        return b"data: %b\n\n" % orjson.dumps({**self._about, "choices": [choice]})


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


def _odds(scored: Scored) -> dict[str, Any]:
    """A token's probability as chats tell it."""
    return {**_shown(scored.token), "top_logprobs": [_shown(other) for other in scored.others]}


def _shown(token: Token) -> dict[str, Any]:
    # A part of a character has no text of its own, and its bytes are not known.
    whole = "\N{REPLACEMENT CHARACTER}" not in token.text
    return {"token": token.text, "logprob": _finite(token), "bytes": list(token.text.encode()) if whole else None}


def _text_odds(scored: Sequence[Scored], alternatives: int) -> dict[str, Any]:
    """Tokens' probabilities as completions tell them: lists that are parallel."""
    return {
        "tokens": [one.token.text for one in scored],
        "token_logprobs": [_finite(one.token) for one in scored],
        "top_logprobs": [
            None if one.token.logprob is None else {other.text: _finite(other) for other in one.others[:alternatives]}
            for one in scored
        ],
        "text_offset": [one.at for one in scored],
    }


def _finite(token: Token) -> float | None:
    """As OpenAI writes the logarithm of nothing."""
    return None if token.logprob is None else max(token.logprob, -9999.0)

"""What watsonx.ai answers, in OpenAI's words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from dinrail_core.api.rerank import RerankRequest
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.openai.ranking import ranked
from dinrail_sdk.translation import packed
from dinrail_sdk.upstream import ReportedError

__all__ = ["ChatReducer", "read_chat", "read_embeddings", "read_ranking"]


def read_chat(said: dict[str, Any], model: str) -> dict[str, Any]:
    """A whole answer."""
    return _chat(said, "chat.completion", model)


class ChatReducer:
    """The events of a stream; see :class:`dinrail_sdk.translation.Reducer`.

    Args:
        model: The model's name, for events without.
        usage: Whether the usage was asked for; watsonx.ai tells it always.
    """

    def __init__(self, model: str, *, usage: bool) -> None:
        self.finished = self.done = False
        self._model = model
        self._usage = usage
        self._open: set[int] = set()

    def feed(self, event: dict[str, Any]) -> bytes:
        """See :meth:`dinrail_sdk.translation.Reducer.feed`."""
        if event.get("errors") or event.get("error"):
            raise ReportedError(event)
        if "choices" not in event:
            # The last one of some streams, named "close", has nothing to say.
            return b""
        chunk = _chat(event, "chat.completion.chunk", self._model)
        for choice in chunk["choices"]:
            (self._open.discard if choice.get("finish_reason") else self._open.add)(choice["index"])
            self.finished = not self._open
        if not self._usage and chunk.pop("usage", None) is not None and not chunk["choices"]:
            return b""
        return b"data: %b\n\n" % orjson.dumps(chunk)


def read_embeddings(bodies: Sequence[bytes], model: str, count: int, *, as_text: bool) -> dict[str, Any]:
    """One answer out of those to the parts: vectors in order, tokens added up.

    Raises:
        UpstreamInvalid: One of them is none, or there is not one vector for each text.
    """
    try:
        answers = [orjson.loads(body) for body in bodies]
        vectors = [result["embedding"] for answer in answers for result in answer.pop("results")]
        if len(vectors) != count or not all(isinstance(vector, list) for vector in vectors):
            raise TypeError
        tokens = sum(int(answer.pop("input_token_count", None) or 0) for answer in answers)
        data = [
            {"object": "embedding", "index": place, "embedding": packed(vector) if as_text else vector}
            for place, vector in enumerate(vectors)
        ]
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError, ValueError):
        raise UpstreamInvalid("The upstream's answer is not that of an embedding model.") from None
    about = {"object": "list", "model": answers[-1].pop("model_id", model), "data": data}
    return {**answers[-1], **about, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}


def read_ranking(said: dict[str, Any], request: RerankRequest) -> dict[str, Any]:
    """A ranking; texts are repeated here where that was asked for.

    Raises:
        UpstreamInvalid: It ranks a document that it was not given.
    """
    scores = [(int(result["index"]), float(result["score"])) for result in said.pop("results")]
    results = [result.model_dump() for result in ranked(request, scores)]
    model, tokens = said.pop("model_id", request.model), said.pop("input_token_count", None)
    told = {} if tokens is None else {"usage": {"prompt_tokens": int(tokens), "total_tokens": int(tokens)}}
    return {**said, "model": model, "results": results, **told}


def _chat(said: dict[str, Any], kind: str, model: str) -> dict[str, Any]:
    """An answer or an event: names that are others there, and words that OpenAI's clients know."""
    told = said.pop("model_id", model)
    found = {**said, "object": kind, "model": said.get("model") or told}
    for choice in found["choices"]:
        if choice.get("finish_reason") == "time_limit":
            choice["finish_reason"] = "length"
        for call in (choice.get("delta") or {}).get("tool_calls") or ():
            # In the pieces of a call, its name stands once; later it is empty, which some clients take for the name.
            if call["function"].get("name") == "":
                del call["function"]["name"]
    return found

"""Answers to parts of a request, put together again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import orjson

from dinrail_core.errors import UpstreamInvalid

__all__ = ["joined_embeddings", "read_scores"]


def joined_embeddings(bodies: Sequence[bytes]) -> bytes:
    """One answer out of those to the parts: vectors numbered on, tokens added up.

    Raises:
        UpstreamInvalid: One of them is no answer to an embedding request.
    """
    try:
        answers = [orjson.loads(body) for body in bodies]
        data: list[dict[str, Any]] = []
        for answer in answers:
            start = len(data)
            data += [{**item, "index": start + item["index"]} for item in answer["data"]]
        usage = {name: sum(answer["usage"][name] for answer in answers) for name in ("prompt_tokens", "total_tokens")}
        return orjson.dumps({**answers[-1], "data": data, "usage": usage})
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError):
        raise UpstreamInvalid("The upstream's answer is not that of an embedding model.") from None


def read_scores(text: bytes, count: int) -> list[tuple[int, float]]:
    """Index and score of every document, from a bare array of ``{"index", "score"}``.

    Args:
        text: The answer's body.
        count: How many documents were sent.

    Raises:
        UpstreamInvalid: It is not that, or not one score for each document.
    """
    try:
        scores = [(rank["index"], float(rank["score"])) for rank in orjson.loads(text)]
        if sorted(index for index, _ in scores) != list(range(count)) or not all(math.isfinite(s) for _, s in scores):
            raise ValueError
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError):
        raise UpstreamInvalid("The upstream's answer is no ranking of the documents that it was given.") from None
    return scores

"""Putting a ranking in order, for servers that leave that to the caller."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["best_first"]


def best_first(text: bytes, top_n: int | None) -> bytes:
    """The answer of a reranker, best document first and at most ``top_n`` of them.

    Some servers answer in the order of the request, and some do not know ``top_n``. The text is handed back as it came
    where there is nothing to do, or where it is not understood.

    Args:
        text: JSON text with ``results``, each of which has a ``relevance_score``.
        top_n: How many were asked for; ``None`` for all.
    """
    answer = orjson.loads(text)
    results = answer["results"]
    try:
        ordered = sorted(results, key=_score, reverse=True)[:top_n]
    except (KeyError, TypeError):
        return text
    return text if ordered == results else orjson.dumps(answer | {"results": ordered})


def _score(result: dict[str, Any]) -> float:
    score = result["relevance_score"]
    if not isinstance(score, (int, float)):
        raise TypeError
    return score

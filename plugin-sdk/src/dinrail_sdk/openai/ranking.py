"""Putting a ranking in order, for servers that leave that to the caller."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson

from dinrail_core.errors import UpstreamInvalid

if TYPE_CHECKING:
    from dinrail_core.api.rerank import RerankRequest, RerankResult

__all__ = ["best_first", "plainly", "ranked", "texts_of"]


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


def plainly(request: RerankRequest) -> RerankRequest:
    """A request whose documents are strings where they are nothing but a text: servers exist that take no objects."""
    documents = [
        document if isinstance(document, str) or document.model_extra else document.text
        for document in request.documents
    ]
    return request.model_copy(update={"documents": documents})


def texts_of(request: RerankRequest) -> list[str]:
    """The documents as plain texts, for servers that know no others."""
    return [document if isinstance(document, str) else document.text for document in request.documents]


def ranked(request: RerankRequest, scores: Iterable[tuple[int, float]]) -> list[RerankResult]:
    """The results of a ranking, from scores that a server of another shape gave.

    Best first, equal ones in the request's order, at most ``top_n``, each with its text where that was asked for.

    Args:
        request: What was asked.
        scores: Index of a document and its score, in any order.

    Raises:
        UpstreamInvalid: An index is that of no document.
    """
    from dinrail_core.api.rerank.objects import RerankDocument, RerankResult  # by the first ranking alone

    texts = texts_of(request)
    best = sorted(scores, key=lambda pair: (-pair[1], pair[0]))
    if not all(0 <= index < len(texts) for index, _ in best):
        raise UpstreamInvalid("The upstream ranks a document that it was not given.")
    if isinstance(request.top_n, int):
        best = best[: request.top_n]
    if request.return_documents is not True:
        return [RerankResult(index=index, relevance_score=score) for index, score in best]
    return [
        RerankResult(index=index, relevance_score=score, document=RerankDocument(text=texts[index]))
        for index, score in best
    ]

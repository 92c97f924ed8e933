"""Searches: by meaning, by words, or both; filtered, fused, reranked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping

from dinrail_core.api.call import Call
from dinrail_core.api.rerank import Reranker, RerankRequest
from dinrail_core.api.vector_index import MAX_LIMIT, check_filter
from dinrail_core.api.vector_stores import FoundText, HybridWeights, SearchRanking, SearchRequest, SearchResult
from dinrail_core.api.vector_stores import SearchResults as Results
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest, ModelNotFound, NotFound, NothingServes, Unavailable
from dinrail_core.hooks import Rail, Target
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.units import Owned
from dinrail_sdk.vectors.filters import matcher
from dinrail_vector_stores.embedding import EmbeddingModel, Embeddings
from dinrail_vector_stores.ranking import as_scores, cosine_score, rrf, weighted
from dinrail_vector_stores.rewriting import rewritten
from dinrail_vector_stores.rows import collection_of, usable_store
from dinrail_vector_stores.tables import CHUNKS, STORES
from dinrail_vector_stores.vectors import Vectors
from dinrail_vector_stores.words import FoundChunk, Wanted, by_words, living_files

__all__ = ["Search"]

_CANDIDATES = 30
_RERANKED = 30
"""Chunks that a reranking model looks at, or as many as are wanted where that is more."""
_TOUCH = 60
"""Seconds for which a store counts as active without being written to again."""
_DAY = 86_400
_PLAIN = frozenset({"auto", "default-2024-11-15", "none", "rrf", "weighted"})


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a search is to do.

    Attributes:
        mode: ``hybrid``, ``vector`` or ``keyword``.
        weights: Of meaning and of words.
        ranks: Whether ranks are fused, and not scores.
        reranker: The model that reranks, if one does.
        threshold: The least score.
        wanted: What files' attributes have to be.
    """

    mode: str
    weights: tuple[float, float]
    ranks: bool
    reranker: str | None
    threshold: float
    wanted: Wanted | None


class Search:
    """Searches stores.

    Args:
        database: Where the rows are.
        rail: Where models are.
        embeddings: What embeds queries.
        vectors: Where vectors are.
        rerank_model: The model that reranks unless a search says otherwise.
        rewrite_model: The model that rewrites queries.
        embedding_weight: How much meaning counts, of 1.
    """

    def __init__(
        self,
        database: Database,
        rail: Rail,
        embeddings: Embeddings,
        vectors: Vectors,
        *,
        rerank_model: str | None,
        rewrite_model: str | None,
        embedding_weight: float,
    ) -> None:
        self._database = database
        self._rail = rail
        self._embeddings = embeddings
        self._vectors = vectors
        self._rerank_model = rerank_model
        self._rewrite_model = rewrite_model
        self._weight = embedding_weight

    async def run(self, store_id: str, request: SearchRequest, call: Call) -> Results:
        """Look for chunks; see :meth:`~dinrail_core.api.vector_stores.contract.VectorStores.search`."""
        plan = self._plan(request)
        if plan.reranker is not None:
            await self._ranker(plan.reranker)
        store = await self._database.read(call.principal, lambda unit: usable_store(unit, store_id))
        queries = [request.query] if isinstance(request.query, str) else list(request.query)
        if request.rewrite_query:
            queries = await rewritten(queries, self._rewrite_model, self._rail, call)
        try:
            found = await self._found(store, queries, request, plan, call)
        except NotFound:
            # Its vectors have been replaced by those of another model in between.
            store = await self._database.read(call.principal, lambda unit: usable_store(unit, store_id))
            found = await self._found(store, queries, request, plan, call)
        if plan.reranker is not None and found:
            most = max(_RERANKED, request.max_num_results)
            found = await self._reranked(found[:most], " ".join(queries), plan.reranker, call)
        await self._touch(store, call)
        kept = [one for one in found if one.score >= plan.threshold][: request.max_num_results]
        return Results(search_query=queries, data=[_result(one) for one in kept])

    def _plan(self, request: SearchRequest) -> _Plan:
        ranking = request.ranking_options if isinstance(request.ranking_options, SearchRanking) else SearchRanking()
        reranker = self._rerank_model if ranking.ranker in ("auto", "default-2024-11-15") else None
        if ranking.ranker not in _PLAIN:
            reranker = ranking.ranker
        weights = (self._weight, 1.0 - self._weight)
        if isinstance(ranking.hybrid_search, HybridWeights):
            weights = (ranking.hybrid_search.embedding_weight, ranking.hybrid_search.text_weight)
        if sum(weights) <= 0:
            raise InvalidRequest("One of the weights must be more than 0.", param="ranking_options.hybrid_search")
        wanted = None
        if request.filters is not None and request.filters is not MISSING:
            check_filter(request.filters)
            wanted = matcher(request.filters)
        mode = request.search_mode
        if mode == "hybrid" and 0 in weights:
            mode = "keyword" if weights[0] == 0 else "vector"
        return _Plan(mode, weights, ranking.ranker == "rrf", reranker, ranking.score_threshold, wanted)

    async def _found(
        self, store: RowMapping, queries: Sequence[str], request: SearchRequest, plan: _Plan, call: Call
    ) -> list[FoundChunk]:
        """The best chunks for any of the queries, the best first."""
        wanted = max(_CANDIDATES, 2 * request.max_num_results)
        if plan.reranker is not None:
            wanted = max(wanted, 2 * _RERANKED)
        meanings: Sequence[bytes | None] = [None] * len(queries)
        if plan.mode != "keyword":
            model = EmbeddingModel(store["model"], store["dimension"], store["shortened"])
            meanings = await self._meanings(model, queries, call)
        best: dict[str, FoundChunk] = {}
        for query, meaning in zip(queries, meanings, strict=True):
            for one in await self._for_one(store, query, meaning, request, plan, wanted, call):
                known = best.get(one.chunk["id"])
                if known is None or known.score < one.score:
                    best[one.chunk["id"]] = one
        return sorted(best.values(), key=lambda one: (-one.score, one.chunk["id"]))

    async def _meanings(self, model: EmbeddingModel, queries: Sequence[str], call: Call) -> Sequence[bytes]:
        try:
            return await self._embeddings.embed(model, queries, call)
        except (ModelNotFound, NothingServes) as error:
            # Not the caller's fault, who named none; 'not found' would speak of the store.
            message = f"The model '{model.id}', by which this store's texts are found, is not there."
            raise Unavailable(f"{message} The store can be given another one ('embedding_model').") from error

    async def _for_one(
        self,
        store: RowMapping,
        query: str,
        meaning: bytes | None,
        request: SearchRequest,
        plan: _Plan,
        wanted: int,
        call: Call,
    ) -> list[FoundChunk]:
        """The best chunks for one query."""
        limit = wanted
        most = wanted if plan.reranker is not None else request.max_num_results
        while True:
            near = await self._near(store, meaning, limit, request) if meaning is not None else {}

            def work(unit: Owned, near: Mapping[str, float] = near) -> list[FoundChunk]:
                words = by_words(unit, store, query, wanted, plan.wanted) if plan.mode != "vector" else []
                return _fused(unit, near, words, plan, most)

            found = await self._database.read(call.principal, work)
            # Vectors of files that are in progress or being removed may have taken the places of others.
            if len(found) >= request.max_num_results or len(near) < limit or limit >= MAX_LIMIT:
                return found
            limit = min(MAX_LIMIT, 4 * limit)

    async def _near(self, store: RowMapping, meaning: bytes, limit: int, request: SearchRequest) -> dict[str, float]:
        """Scores of the nearest chunks, by id."""
        filters = request.filters if request.filters is not MISSING else None
        index = self._vectors.index(store["provider"])
        hits = await index.search(collection_of(store), meaning, limit, filters)
        return {hit.id: cosine_score(hit.similarity) for hit in hits}

    async def _ranker(self, model: str) -> Target[Reranker]:
        try:
            return await self._rail.resolve(Reranker, model)
        except (ModelNotFound, NothingServes) as error:
            raise _no_ranker(model) from error

    async def _reranked(self, found: Sequence[FoundChunk], query: str, model: str, call: Call) -> list[FoundChunk]:
        target = await self._ranker(model)
        texts: Any = [one.chunk["text"] for one in found]
        request = RerankRequest(model=target.model, query=query, documents=texts)
        try:
            answer = (await target.provider.rerank(request, call)).value
        except ModelNotFound as error:
            raise _no_ranker(model) from error
        results = [one for one in answer.results if 0 <= one.index < len(found)]
        scores = as_scores([one.relevance_score for one in results])
        ranked = [
            FoundChunk(found[one.index].chunk, found[one.index].file, score)
            for one, score in zip(results, scores, strict=True)
        ]
        return sorted(ranked, key=lambda one: -one.score)

    async def _touch(self, store: RowMapping, call: Call) -> None:
        """Have the time until the store vanishes begin anew."""
        now = int(time.time())
        if now - store["last_active_at"] < _TOUCH:
            return
        values: dict[str, Any] = {"last_active_at": now}
        if store["expires_days"] is not None:
            values["expires_at"] = now + store["expires_days"] * _DAY
        # Who may only read a shared store does not keep it alive.
        await self._database.write(call.principal, lambda unit: unit.update(STORES, values, STORES.c.id == store["id"]))


def _no_ranker(model: str) -> InvalidRequest:
    message = f"There is no ranker '{model}'. Take 'auto', 'none', 'rrf', 'weighted' or a model that reranks."
    return InvalidRequest(message, param="ranking_options.ranker")


def _fused(
    unit: Owned, near: Mapping[str, float], words: Sequence[FoundChunk], plan: _Plan, wanted: int
) -> list[FoundChunk]:
    """What both ways of searching have brought up, with one score each, the best first."""
    known = {one.chunk["id"]: one for one in words}
    texts = {key: one.score for key, one in known.items()}
    if plan.mode == "vector":
        scores: Mapping[str, float] = near
    elif plan.mode == "keyword":
        scores = texts
    elif plan.ranks:
        scores = rrf(list(near), list(texts), plan.weights)
    else:
        scores = weighted(near, texts, plan.weights)
    order = sorted(scores, key=lambda key: (-scores[key], key))
    found: list[FoundChunk] = []
    for begin in range(0, len(order), wanted):
        part = order[begin : begin + wanted]
        missing = [key for key in part if key not in known]
        rows = unit.get_all(CHUNKS, missing)
        files = living_files(unit, {row["file"] for row in rows.values()}, plan.wanted)
        for key in part:
            if key in known:
                found.append(FoundChunk(known[key].chunk, known[key].file, scores[key]))
            elif key in rows and rows[key]["file"] in files:
                found.append(FoundChunk(rows[key], files[rows[key]["file"]], scores[key]))
        if len(found) >= wanted:
            break
    return found


def _result(found: FoundChunk) -> SearchResult:
    chunk, file = found.chunk, found.file
    text = FoundText(
        text=chunk["text"],
        chunk_id=chunk["id"],
        start_index=chunk["start_index"],
        end_index=chunk["end_index"],
        page=MISSING if chunk["page"] is None else chunk["page"],
        last_page=MISSING if chunk["last_page"] is None else chunk["last_page"],
    )
    return SearchResult(
        file_id=file["file_id"],
        filename=file["filename"],
        score=min(1.0, max(0.0, found.score)),
        attributes=file["attributes"],
        content=[text],
    )

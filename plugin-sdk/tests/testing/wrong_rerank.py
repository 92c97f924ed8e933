"""Providers that get rankings wrong."""

from __future__ import annotations

from typing import Any

from honest_provider import Honest
from wrong_chat_requests import DropsField
from wrong_provider import caught_by

Event = dict[str, Any]


class Edits(Honest):
    """Changes the list of results."""

    def edit_answer(self, data: Event, payload: Event) -> Event:
        return data | {"results": self.results(data["results"], payload)}

    def results(self, results: list[Event], payload: Event) -> list[Event]:
        return results


@caught_by("rerank_order", "rerank_ties")
class NumbersByRank(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        return [one | {"index": len(results) - 1 - place} for place, one in enumerate(results)]


@caught_by("rerank_order")
class PutsTheWorstFirst(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        return results[::-1]


@caught_by("rerank_sorts")
class DoesNotSort(Honest):
    def tidy(self, data: Event, payload: Event) -> Event:
        return data


@caught_by("rerank_sorts", "rerank_top_n")
class CutsBeforeSorting(Honest):
    def tidy(self, data: Event, payload: Event) -> Event:
        data["results"] = data["results"][: payload.get("top_n")]
        data["results"].sort(key=lambda one: -one["relevance_score"])
        return data

    def edit_request(self, payload: Event) -> Event:
        documents = payload["documents"]
        return payload | {"documents": documents[: payload.get("top_n") or len(documents)]}


@caught_by("rerank_scores")
class SquashesScores(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        return [one | {"relevance_score": max(0.0, one["relevance_score"])} for one in results]


@caught_by("rerank_scores")
class RoundsScores(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        return [one | {"relevance_score": round(one["relevance_score"], 2)} for one in results]


@caught_by("rerank_scores")
class InventsScores(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        return [one | {"relevance_score": 1 - place / 10} for place, one in enumerate(results)]


@caught_by("rerank_ties")
class BreaksTiesBackwards(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        return sorted(results, key=lambda one: (-one["relevance_score"], -one["index"]))


@caught_by("rerank_top_n")
class IgnoresTopN(DropsField):
    names = ("top_n",)


@caught_by("rerank_top_n")
class ReturnsTheWorst(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        return results if not payload.get("top_n") else [one | {"index": 0} for one in results]


@caught_by("rerank_one_document")
class DividesByTheSpread(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        scores = [one["relevance_score"] for one in results]
        if max(scores) == min(scores):
            return []
        return results


@caught_by("rerank_order", "rerank_many_documents")
class DropsUnlikelyDocuments(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        return [one for one in results if one["relevance_score"] > 0.05]


@caught_by("rerank_texts")
class StripsDocuments(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"documents": [text.strip() for text in payload["documents"]]}


@caught_by("rerank_texts")
class DropsDuplicateDocuments(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"documents": list(dict.fromkeys(payload["documents"]))}


@caught_by("rerank_texts")
class StripsQueries(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"query": payload["query"].strip()}


@caught_by("rerank_document_objects")
class WritesDocumentsOut(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"documents": [str(document) for document in payload["documents"]]}


@caught_by("rerank_returns_documents")
class ReturnsDocumentsByPlace(Edits):
    def results(self, results: list[Event], payload: Event) -> list[Event]:
        for place, one in enumerate(results):
            if payload.get("return_documents"):
                one["document"] = {"text": payload["documents"][place]}
        return results


@caught_by("rerank_returns_documents")
class NeverReturnsDocuments(DropsField):
    names = ("return_documents",)


@caught_by("rerank_returns_documents")
class AlwaysReturnsDocuments(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"return_documents": True}


@caught_by("rerank_usage")
class InventsRerankUsage(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        return {"usage": {"total_tokens": 0}, **data}


@caught_by("rerank_usage")
class LosesRerankUsage(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        data.pop("usage", None)
        return data


@caught_by("rerank_many_documents")
class RanksTheFirstHundred(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"documents": payload["documents"][:100]}

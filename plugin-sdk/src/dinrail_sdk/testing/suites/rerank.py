"""The conformance suite of :class:`~dinrail_core.api.rerank.Reranker`."""

from __future__ import annotations

from typing import ClassVar

from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.operations import RERANK, VIEWS, Operation
from dinrail_sdk.testing.script import Ranking, Tokens
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.conduct import ConductCases

__all__ = ["RerankerSuite"]

QUERY = "Where does the Limmat begin?"
DOCUMENTS = [
    "Bread is baked from flour.",
    "Grüezi, 你好, 🌍!",
    "The Limmat begins where the lake of Zürich ends.",
    "The Limmat is a river.",
]
SCORES = (0.015625, -1.5, 0.96875, 0.5)
BEST_FIRST = [(2, 0.96875), (3, 0.5), (0, 0.015625), (1, -1.5)]


class RerankerSuite(ConductCases):
    """What a provider of rankings must do."""

    covers: ClassVar[tuple[Operation, ...]] = (RERANK,)

    @case(unscripted=True)
    async def test_rerank_order(self, bench: Bench) -> None:
        """The best document comes first, every document once, each with the index that it has in the request.

        Troubleshooting: ``index`` is the place in the request, not in the answer.
        """
        for view in VIEWS:
            objects = await RERANK.ask(bench, view=view, query=QUERY, documents=DOCUMENTS)
            RERANK.check(objects)
            said = RERANK.said(objects)
            assert sorted(index for index, _ in said) == [0, 1, 2, 3], f"{view}: the documents are {said}."
            assert said[0][0] == 2, f"{view}: the document that answers the query is not the first: {said}"

    @case()
    async def test_rerank_scores(self, bench: Bench) -> None:
        """Scores are the upstream's own, negative and small ones included.

        Troubleshooting: do not scale, clip or round; callers compare with thresholds that they have measured.
        """
        bench.upstream.says(Ranking(scores=SCORES))
        for view in VIEWS:
            said = RERANK.said(await RERANK.ask(bench, view=view, query=QUERY, documents=DOCUMENTS))
            assert said == BEST_FIRST, f"{view}: the ranking is {said}, not {BEST_FIRST}."

    @case("unsorted_answers")
    async def test_rerank_sorts(self, bench: Bench) -> None:
        """Where the upstream answers in the request's order, the best still comes first, and ``top_n`` still holds.

        Troubleshooting: several servers do not sort, or do not know ``top_n``; look before the bytes are handed on.
        """
        bench.upstream.says(Ranking(scores=SCORES, unsorted=True))
        for view in VIEWS:
            said = RERANK.said(await RERANK.ask(bench, view=view, query=QUERY, documents=DOCUMENTS))
            assert said == BEST_FIRST, f"{view}: the ranking is {said}, not {BEST_FIRST}."
            said = RERANK.said(await RERANK.ask(bench, view=view, query=QUERY, documents=DOCUMENTS, top_n=2))
            assert said == BEST_FIRST[:2], f"{view}: with top_n=2 the ranking is {said}."

    @case(unscripted=True)
    async def test_rerank_ties(self, bench: Bench) -> None:
        """Documents that score the same keep the request's order.

        Troubleshooting: sort by score alone with a stable sort, descending by the negated score.
        """
        documents = ["The same text."] * 4
        said = RERANK.said(await RERANK.ask(bench, query="text", documents=documents))
        assert [index for index, _ in said] == [0, 1, 2, 3], f"The order of equal documents is {said}."
        assert len({round(score, 4) for _, score in said}) == 1, f"Equal documents have different scores: {said}"

    @case(unscripted=True)
    async def test_rerank_top_n(self, bench: Bench) -> None:
        """At most ``top_n`` documents come, the best; more than there are is no error.

        Troubleshooting: sort first, cut then.
        """
        full = RERANK.said(await RERANK.ask(bench, query=QUERY, documents=DOCUMENTS))
        for top_n in (1, 2, 50):
            said = RERANK.said(await RERANK.ask(bench, query=QUERY, documents=DOCUMENTS, top_n=top_n))
            indexes = [index for index, _ in said]
            assert indexes == [index for index, _ in full[:top_n]], f"With top_n={top_n} the ranking is {said}."

    @case(unscripted=True)
    async def test_rerank_one_document(self, bench: Bench) -> None:
        """A single document is ranked.

        Troubleshooting: nothing may be divided by the spread of the scores.
        """
        objects = await RERANK.ask(bench, query=QUERY, documents=DOCUMENTS[2:3])
        RERANK.check(objects)
        assert [index for index, _ in RERANK.said(objects)] == [0], f"The ranking is {RERANK.said(objects)}."

    @case()
    async def test_rerank_texts(self, bench: Bench) -> None:
        """Query and documents reach the upstream unchanged and in order.

        Troubleshooting: nothing is stripped, cut or deduplicated.
        """
        documents = ["  b\n", "a", "a", "🌍"]
        await RERANK.ask(bench, query=" Wo? \n", documents=documents)
        assert bench.upstream.asked.query == " Wo? \n", f"The query arrived as {bench.upstream.asked.query!r}."
        assert bench.upstream.asked.inputs == tuple(documents), (
            f"The documents arrived as {bench.upstream.asked.inputs}."
        )

    @case(unscripted=True)
    async def test_rerank_document_objects(self, bench: Bench) -> None:
        """Documents may be objects with a ``text``; the ranking is the same as for the texts alone.

        Troubleshooting: take ``document.text`` where a document is an object.
        """
        plain = RERANK.said(await RERANK.ask(bench, query=QUERY, documents=DOCUMENTS))
        if bench.scripted:
            bench.upstream.says(Ranking(scores=SCORES))
            plain = BEST_FIRST
        said = RERANK.said(await RERANK.ask(bench, query=QUERY, documents=[{"text": text} for text in DOCUMENTS]))
        assert said == plain, f"The ranking is {said}, not {plain}."
        if bench.scripted:
            assert bench.upstream.asked.inputs == tuple(DOCUMENTS), f"They arrived as {bench.upstream.asked.inputs}."

    @case(unscripted=True)
    async def test_rerank_returns_documents(self, bench: Bench) -> None:
        """With ``return_documents`` every result repeats its own document's text; without it, none does.

        Troubleshooting: look the text up by the result's ``index``; where the upstream does not repeat it, add it.
        """
        for view in VIEWS:
            (data,) = await RERANK.ask(bench, view=view, query=QUERY, documents=DOCUMENTS, return_documents=True)
            for result in data["results"]:
                document = result.get("document")
                text = document.get("text") if isinstance(document, dict) else document
                assert text == DOCUMENTS[result["index"]], f"{view}: document {result['index']} came back as {text!r}."
            (data,) = await RERANK.ask(bench, view=view, query=QUERY, documents=DOCUMENTS, return_documents=False)
            repeated = [result for result in data["results"] if result.get("document")]
            assert not repeated, f"{view}: nobody asked for documents: {repeated[0]}"

    @case("rerank_usage")
    async def test_rerank_usage(self, bench: Bench) -> None:
        """Usage is the upstream's, and absent where it tells none.

        Troubleshooting: leave the field out; a guessed number looks like a measured one on somebody's bill.
        """
        for usage in (Tokens(prompt=37, completion=0), None):
            bench.upstream.says(Ranking(scores=SCORES, usage=usage))
            for view in VIEWS:
                (data,) = await RERANK.ask(bench, view=view, query=QUERY, documents=DOCUMENTS)
                told = (data.get("usage") or {}).get("total_tokens")
                assert told == (37 if usage else None), f"{view}: {told} tokens are told, the upstream told {usage}."

    @case()
    async def test_rerank_many_documents(self, bench: Bench) -> None:
        """A thousand documents are all ranked.

        Troubleshooting: where the upstream takes fewer at once, ask in batches and merge before sorting.
        """
        scores = tuple((number * 7919 % 1000) / 1024 for number in range(1000))
        bench.upstream.says(lambda asked: Ranking(scores=tuple(scores[int(str(text))] for text in asked.inputs)))
        said = RERANK.said(await RERANK.ask(bench, query=QUERY, documents=[str(number) for number in range(1000)]))
        assert said == sorted(enumerate(scores), key=lambda pair: -pair[1]), "The ranking of 1,000 documents is wrong."

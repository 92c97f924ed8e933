"""The conformance suite of :class:`~dinrail_core.api.embeddings.Embedder`."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.operations import EMBED, VIEWS, Operation
from dinrail_sdk.testing.script import Tokens, Vectors, vector_of
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.conduct import ConductCases

__all__ = ["EmbedderSuite"]

TEXTS = ["A cat sits on the mat.", "Ein Zug fährt nach Zürich.", "猫がいます。", "🌍", "A cat sits on the mat."]


class EmbedderSuite(ConductCases):
    """What a provider of embeddings must do."""

    covers: ClassVar[tuple[Operation, ...]] = (EMBED,)

    @case(unscripted=True)
    async def test_embedding_order(self, bench: Bench) -> None:
        """Every input has one vector, under its index and in its place; equal texts have equal vectors.

        Troubleshooting: batches that are computed apart, or sorted by length, must be put back in order; duplicates are
        not dropped.
        """
        for view in VIEWS:
            (data,) = await EMBED.ask(bench, view=view, input=TEXTS)
            indexes = [item["index"] for item in data["data"]]
            assert indexes == list(range(len(TEXTS))), f"{view}: the indexes are {indexes}."
            said = EMBED.said([data])
            if bench.scripted:
                assert said == {place: vector_of(text) for place, text in enumerate(TEXTS)}, (
                    f"{view}: vectors are mixed up."
                )
            assert _close(said[0], said[len(TEXTS) - 1]), f"{view}: the same text has two different vectors."
            assert not _close(said[0], said[1]), f"{view}: different texts have the same vector."

    @case(unscripted=True)
    async def test_embedding_batch_equals_single(self, bench: Bench) -> None:
        """A text has the same vector alone as among others, given as a string or in a list.

        Troubleshooting: padding must be masked out; a string is one input, not a list of characters.
        """
        among = EMBED.said(await EMBED.ask(bench, input=TEXTS))
        for place in (0, 2):
            for form in (TEXTS[place], [TEXTS[place]]):
                alone = EMBED.said(await EMBED.ask(bench, input=form))
                assert list(alone) == [0], f"One text has the vectors {sorted(alone)}."
                assert _close(alone[0], among[place]), f"{TEXTS[place]!r} has another vector alone than among others."

    @case(unscripted=True)
    async def test_embedding_base64(self, bench: Bench) -> None:
        """``base64`` gives the same values as ``float``, as little-endian 32-bit floats; without either, numbers come.

        Troubleshooting: ``struct.pack("<…f")``; where the upstream knows no base64, encode what it sends.
        """
        for view in VIEWS:
            forms: dict[str, list[Any]] = {}
            for name in ("none", "float", "base64"):
                more: dict[str, Any] = {} if name == "none" else {"encoding_format": name}
                forms[name] = await EMBED.ask(bench, view=view, input=TEXTS[:2], **more)
                kinds = {type(item["embedding"]) for item in forms[name][0]["data"]}
                assert kinds == {str if name == "base64" else list}, f"{view}, {name}: the embeddings are {kinds}."
            plain = EMBED.said(forms["none"])
            for name in ("float", "base64"):
                said = EMBED.said(forms[name])
                lengths = {len(one) for one in said.values()} | {len(one) for one in plain.values()}
                assert len(lengths) == 1, f"{view}, {name}: the vectors have the lengths {lengths}."
                same = all(_close(said[place], plain[place]) for place in plain)
                assert same, f"{view}, {name}: {said[0][:4]}… instead of {plain[0][:4]}…"

    @case("dimensions")
    async def test_embedding_dimensions(self, bench: Bench) -> None:
        """The length that the request wants reaches the upstream, and vectors of that length come back.

        Troubleshooting: hand ``dimensions`` on; where the upstream cannot shorten, refuse with ``UnsupportedFeature``.
        """
        (data,) = await EMBED.ask(bench, input=TEXTS[:2], dimensions=4)
        assert bench.upstream.asked.dimensions == 4, f"The upstream was asked for {bench.upstream.asked.dimensions}."
        assert {len(one) for one in EMBED.said([data]).values()} == {4}, "The vectors have another length."

    @case()
    async def test_embedding_no_dimensions_made_up(self, bench: Bench) -> None:
        """Without ``dimensions`` in the request none are asked for.

        Troubleshooting: many models refuse the field, whatever its value.
        """
        await EMBED.ask(bench)
        assert bench.upstream.asked.dimensions is None, f"{bench.upstream.asked.dimensions} dimensions were made up."

    @case("token_inputs")
    async def test_embedding_token_inputs(self, bench: Bench) -> None:
        """Inputs of tokens reach the upstream as the same tokens: one text's, or several.

        Troubleshooting: a list of integers is one input, a list of such lists is several.
        """
        for sent, due in (([1, 2, 30_000], ((1, 2, 30_000),)), ([[5, 6], [7]], ((5, 6), (7,)))):
            (data,) = await EMBED.ask(bench, input=sent)
            assert bench.upstream.asked.inputs == due, f"{sent} reached the upstream as {bench.upstream.asked.inputs}."
            assert len(data["data"]) == len(due), f"{len(due)} input(s) have {len(data['data'])} vector(s)."

    @case()
    async def test_embedding_texts_unchanged(self, bench: Bench) -> None:
        """Texts reach the upstream unchanged: line ends, blanks at the ends, every script.

        Troubleshooting: an old advice replaces line ends by blanks; that is the caller's to decide.
        """
        texts = ["  two\nlines \n", "é and e\u0301", "🌍"]
        await EMBED.ask(bench, input=texts)
        assert bench.upstream.asked.inputs == tuple(texts), f"They arrived as {bench.upstream.asked.inputs}."

    @case("many_inputs")
    async def test_embedding_many_inputs(self, bench: Bench) -> None:
        """Two thousand inputs have two thousand vectors, in order.

        Troubleshooting: where the upstream takes fewer at once, ask in batches, and put them together in order.
        """
        texts = [f"text {number}" for number in range(2000)]
        said = EMBED.said(await EMBED.ask(bench, input=texts, encoding_format="base64"))
        wrong = [place for place, text in enumerate(texts) if said.get(place) != vector_of(text)]
        assert not wrong, f"{len(wrong)} vectors are missing or wrong, the first one has the index {wrong[0]}."

    @case("shuffled_answers")
    async def test_embedding_shuffled_answer(self, bench: Bench) -> None:
        """Where the upstream sends vectors out of order, each keeps its index.

        Troubleshooting: never number the vectors by their place in the answer.
        """
        due = {place: vector_of(text) for place, text in enumerate(TEXTS)}
        bench.upstream.says(Vectors(vectors=tuple(due.values()), shuffled=True))
        for view in VIEWS:
            said = EMBED.said(await EMBED.ask(bench, view=view, input=TEXTS))
            assert said == due, f"{view}: the vectors stand under wrong indexes."

    @case("embedding_usage")
    async def test_embedding_usage(self, bench: Bench) -> None:
        """The tokens are those that the upstream counted.

        Troubleshooting: copy the counts of the answer; with several batches add them up.
        """
        script = Vectors(vectors=tuple(vector_of(text) for text in TEXTS), usage=Tokens(prompt=37, completion=0))
        bench.upstream.says(script)
        for view in VIEWS:
            (data,) = await EMBED.ask(bench, view=view, input=TEXTS)
            told = (data["usage"]["prompt_tokens"], data["usage"]["total_tokens"])
            assert told == (37, 37), f"{view}: the usage is {told}, the upstream told (37, 37)."

    @case(unscripted=True)
    async def test_embedding_length(self, bench: Bench) -> None:
        """All vectors of a model have one length, at all times, and none is all zeros.

        Troubleshooting: cut or padded vectors are useless in an index.
        """
        first = EMBED.said(await EMBED.ask(bench, input=TEXTS))
        second = EMBED.said(await EMBED.ask(bench, input="x"))
        lengths = {len(one) for one in [*first.values(), *second.values()]}
        assert len(lengths) == 1, f"There are vectors of the lengths {sorted(lengths)}."
        assert all(any(one) for one in first.values()), "A vector is all zeros."


def _close(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Equal but for rounding (batches add up in another order)."""
    if len(one) != len(other):
        return False
    return all(math.isclose(a, b, rel_tol=1e-3, abs_tol=2e-3) for a, b in zip(one, other, strict=True))

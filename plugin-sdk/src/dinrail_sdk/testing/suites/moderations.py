"""The conformance suite of :class:`~dinrail_core.api.moderations.Moderator`."""

from __future__ import annotations

from typing import ClassVar

from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.dialects.openai_lists import CATEGORIES
from dinrail_sdk.testing.operations import MODERATE, VIEWS, Operation
from dinrail_sdk.testing.script import Verdict, Verdicts
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.conduct import ConductCases

__all__ = ["ModeratorSuite"]

CLEAN = Verdict(scores={"violence": 0.0009765625})
THREAT = Verdict(
    violated=frozenset({"harassment/threatening", "violence"}),
    scores={"harassment/threatening": 0.75, "violence": 0.984375, "self-harm": 0.00390625},
)
MINOR = Verdict(violated=frozenset({"self-harm/intent"}), scores={"self-harm/intent": 0.5, "self-harm": 0.375})


class ModeratorSuite(ConductCases):
    """What a provider of moderations must do."""

    covers: ClassVar[tuple[Operation, ...]] = (MODERATE,)

    @case()
    async def test_moderation_order(self, bench: Bench) -> None:
        """Every input has one result, in the order of the inputs.

        Troubleshooting: results have no index, so their order is all there is; inputs that are judged at once must be
        put back in order, duplicates are not dropped.
        """
        texts = ["fine", "I attack you", "fine", "also fine", "attack again"]
        for view in VIEWS:
            (data,) = await MODERATE.ask(bench, view=view, input=texts)
            flags = [result["flagged"] for result in data["results"]]
            assert flags == [False, True, False, False, True], f"{view}: the flags are {flags}."

    @case()
    async def test_moderation_verdicts(self, bench: Bench) -> None:
        """Flags, categories and scores are the upstream's, for every category under its own name.

        Troubleshooting: names have slashes and hyphens (``self-harm/intent``); map your upstream's to them.
        """
        script = Verdicts(verdicts=(CLEAN, THREAT, MINOR))
        bench.upstream.says(script)
        for view in VIEWS:
            objects = await MODERATE.ask(bench, view=view, input=["a", "b", "c"])
            said, due = MODERATE.said(objects), MODERATE.meant(script, bench.upstream.asked)
            assert said == due, f"{view}: the verdicts are {said}, the upstream's are {due}."
            MODERATE.check(objects)

    @case()
    async def test_moderation_scores_exact(self, bench: Bench) -> None:
        """Small and large scores come as they are, neither rounded nor clipped nor made up.

        Troubleshooting: callers set thresholds of their own, often far below one half.
        """
        verdict = Verdict(scores={"hate": 3.0517578125e-05, "violence": 0.4999, "sexual": 1.0})
        bench.upstream.says(Verdicts(verdicts=(verdict,)))
        for view in VIEWS:
            (data,) = await MODERATE.ask(bench, view=view, input="a")
            scores = data["results"][0]["category_scores"]
            told = {name: scores[name] for name in CATEGORIES if scores[name]}
            assert told == dict(verdict.scores), (
                f"{view}: the scores are {told}, the upstream's are {dict(verdict.scores)}."
            )

    @case()
    async def test_moderation_flag_below_half(self, bench: Bench) -> None:
        """What the upstream flags is flagged, and what it does not flag is not, whatever the scores.

        Troubleshooting: do not derive ``flagged`` from scores by a threshold of your own.
        """
        low = Verdict(violated=frozenset({"sexual/minors"}), scores={"sexual/minors": 0.125})
        high = Verdict(scores={"violence": 0.75})
        bench.upstream.says(Verdicts(verdicts=(low, high)))
        for view in VIEWS:
            (data,) = await MODERATE.ask(bench, view=view, input=["a", "b"])
            flags = [result["flagged"] for result in data["results"]]
            assert flags == [True, False], f"{view}: the flags are {flags}, the upstream's are [True, False]."

    @case(unscripted=True)
    async def test_moderation_complete(self, bench: Bench) -> None:
        """Every result has every category: whether it is violated, its score, the kinds of input that it rests on.

        Troubleshooting: a category that the upstream does not know is false with score 0; clients index by name.
        """
        for view in VIEWS:
            (data,) = await MODERATE.ask(bench, view=view, input=["a", "b"])
            assert len(data["results"]) == 2, f"{view}: 2 inputs have {len(data['results'])} result(s)."
            for result in data["results"]:
                for part in ("categories", "category_scores", "category_applied_input_types"):
                    missing = set(CATEGORIES) - set(result[part])
                    assert not missing, f"{view}: `{part}` lacks {sorted(missing)}."

    @case(unscripted=True)
    async def test_moderation_one_input(self, bench: Bench) -> None:
        """A string is one input with one result, as in a list of its own.

        Troubleshooting: a string is not a list of characters.
        """
        one = MODERATE.said(await MODERATE.ask(bench, input="I attack you"))
        listed = MODERATE.said(await MODERATE.ask(bench, input=["I attack you"]))
        assert len(one) == 1, f"One input has {len(one)} results."
        assert one == listed, f"Alone {one}, in a list {listed}."

    @case()
    async def test_moderation_texts(self, bench: Bench) -> None:
        """Texts reach the upstream unchanged and in order.

        Troubleshooting: nothing is stripped, lowered or cut: that is how filters are evaded.
        """
        texts = ("  A\n", "A\u0301 𝓪", "", "🌍")
        await MODERATE.ask(bench, input=list(texts))
        assert bench.upstream.asked.inputs == texts, f"They arrived as {bench.upstream.asked.inputs}."

    @case("image_moderation")
    async def test_moderation_parts(self, bench: Bench) -> None:
        """A text and an image that are judged together reach the upstream, and have one result.

        Troubleshooting: parts are one input; refuse them with ``UnsupportedFeature`` where images cannot be judged.
        """
        image = "data:image/png;base64,iVBORw0KGgo="
        parts = [{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": image}}]
        bench.upstream.says(Verdicts(verdicts=(THREAT,)))
        (data,) = await MODERATE.ask(bench, input=parts)
        assert bench.upstream.asked.inputs == ("Look.", image), f"They arrived as {bench.upstream.asked.inputs}."
        assert len(data["results"]) == 1, f"They have {len(data['results'])} results."

    @case("model_optional")
    async def test_moderation_without_model(self, bench: Bench) -> None:
        """A request that names no model is answered; no name is made up for the upstream.

        Troubleshooting: ``model`` is optional here alone; leave it out where it was left out, unless the upstream needs
        one, which the configuration then names.
        """
        request = MODERATE.request(bench.model)
        request = type(request).model_validate(
            {key: value for key, value in request.model_dump().items() if key != "model"}
        )
        said = MODERATE.said(await MODERATE.send(bench, request))
        assert len(said) == 2, f"2 inputs have {len(said)} results."
        assert bench.upstream.asked.model == "", f"The name {bench.upstream.asked.model!r} was made up."

    @case()
    async def test_moderation_many_inputs(self, bench: Bench) -> None:
        """A thousand inputs have a thousand results, in order.

        Troubleshooting: where the upstream takes fewer at once, ask in batches, and put them together in order.
        """
        texts = [f"{'attack' if number % 7 == 0 else 'greet'} {number}" for number in range(1000)]
        (data,) = await MODERATE.ask(bench, input=texts)
        flags = [result["flagged"] for result in data["results"]]
        assert flags == [number % 7 == 0 for number in range(1000)], f"{len(flags)} results, or in another order."

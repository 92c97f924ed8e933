"""Providers that get moderations wrong."""

from __future__ import annotations

from typing import Any

from honest_provider import Honest
from wrong_provider import caught_by

Event = dict[str, Any]


class Edits(Honest):
    """Changes every result."""

    def edit_answer(self, data: Event, payload: Event) -> Event:
        return data | {"results": [self.result(one) for one in data["results"]]}

    def result(self, result: Event) -> Event:
        return result


class Inputs(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"input": self.inputs(payload["input"])}

    def inputs(self, inputs: Any) -> Any:
        return inputs


@caught_by("moderation_order")
class ReversesResults(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        return data | {"results": data["results"][::-1]}


@caught_by("moderation_order", "moderation_complete")
class JudgesTheFirstInput(Inputs):
    def inputs(self, inputs: Any) -> Any:
        return inputs[:1]


@caught_by("moderation_order")
class DropsDuplicateInputs(Inputs):
    def inputs(self, inputs: Any) -> Any:
        return list(dict.fromkeys(inputs))


@caught_by("moderation_order")
class ReturnsFlaggedOnly(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        return data | {"results": [one for one in data["results"] if one["flagged"]]}


@caught_by("moderation_verdicts")
class NeverFlags(Edits):
    def result(self, result: Event) -> Event:
        return result | {"flagged": False}


@caught_by("moderation_verdicts")
class MixesUpCategories(Edits):
    def result(self, result: Event) -> Event:
        categories = result["categories"]
        swapped = {"self-harm": categories["self-harm/intent"], "self-harm/intent": categories["self-harm"]}
        return result | {"categories": categories | swapped}


@caught_by("moderation_verdicts")
class ForgetsSubcategories(Edits):
    def result(self, result: Event) -> Event:
        return result | {"categories": {key: value and "/" not in key for key, value in result["categories"].items()}}


@caught_by("moderation_scores_exact")
class RoundsModerationScores(Edits):
    def result(self, result: Event) -> Event:
        return result | {"category_scores": {key: round(value, 2) for key, value in result["category_scores"].items()}}


@caught_by("moderation_scores_exact")
class MakesScoresOfFlags(Edits):
    def result(self, result: Event) -> Event:
        return result | {"category_scores": {key: float(value) for key, value in result["categories"].items()}}


@caught_by("moderation_scores_exact")
class InventsBackgroundNoise(Edits):
    def result(self, result: Event) -> Event:
        return result | {"category_scores": {key: value or 1e-6 for key, value in result["category_scores"].items()}}


@caught_by("moderation_flag_below_half")
class FlagsByThreshold(Edits):
    def result(self, result: Event) -> Event:
        return result | {"flagged": any(value > 0.5 for value in result["category_scores"].values())}


@caught_by("moderation_complete")
class LeavesCleanCategoriesOut(Edits):
    def result(self, result: Event) -> Event:
        return result | {"category_applied_input_types": {}}

    def answer(self, wire: Any, data: Event) -> Any:
        from dinrail_core.api.answers import Answer
        from dinrail_core.api.wire import decode_upstream

        whole = super().answer(wire, {**data, "results": []})
        assert decode_upstream(wire, whole.body)
        return Answer(wire, body=super().answer(wire, data).body)


@caught_by("moderation_one_input")
class TakesAStringForItsCharacters(Inputs):
    def inputs(self, inputs: Any) -> Any:
        return list(inputs)


@caught_by("moderation_texts")
class LowersTexts(Inputs):
    def inputs(self, inputs: Any) -> Any:
        return [text.lower() for text in inputs]


@caught_by("moderation_texts")
class SkipsEmptyTexts(Inputs):
    def inputs(self, inputs: Any) -> Any:
        return [text for text in inputs if text]


@caught_by("moderation_parts")
class JudgesTextAlone(Inputs):
    def inputs(self, inputs: Any) -> Any:
        return [part for part in inputs if part["type"] == "text"]


@caught_by("moderation_parts")
class JudgesPartsApart(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        return data | {"results": data["results"] * len(payload["input"])}


@caught_by("moderation_without_model")
class MakesUpAModel(Honest):
    def edit_request(self, payload: Event) -> Event:
        return {"model": "omni-moderation-latest", **payload}


@caught_by("moderation_many_inputs")
class JudgesOneBatch(Inputs):
    def inputs(self, inputs: Any) -> Any:
        return inputs[:32]

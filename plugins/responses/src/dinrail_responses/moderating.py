"""Moderation of what goes into a response and of what comes out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing

from dinrail_core.api.call import Call
from dinrail_core.api.moderations import ModerationRequest, Moderator
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import DinrailError, ModelNotFound, UpstreamError, UpstreamInvalid
from dinrail_core.hooks.context import Rail, Target
from dinrail_responses.attachments import Blob
from dinrail_responses.compacting import Runs
from dinrail_responses.parsing import parsed
from dinrail_responses.scribe import Scribe
from dinrail_responses.tools.interface import Json

__all__ = ["Judge", "Moderating", "find_moderator", "told_to_judges"]

_BLOCKED = "content_filter"
"""Why a response is incomplete that was blocked."""


async def find_moderator(models: Rail, asked: Json) -> Target[Moderator]:
    """The model that judges.

    Raises:
        ModelNotFound: There is none of this name; ``param`` is ``moderation.model``.
        NothingServes: Nothing judges at all.
    """
    try:
        return await models.resolve(Moderator, asked["model"])
    except ModelNotFound as error:
        error.param = "moderation.model"
        raise


class Judge:
    """Asks a moderation model.

    Args:
        target: The model.
        call: On whose behalf.
    """

    def __init__(self, target: Target[Moderator], call: Call) -> None:
        self._target = target
        self._call = call

    async def judge(self, parts: Sequence[Json], *, blocks: bool) -> Json:
        """What is said of texts and images, as a response tells it; where there is nothing to judge, that.

        Raises:
            DinrailError: It could not be judged, and what is not judged must not pass.
        """
        if not parts:
            return _failure("nothing_to_judge", "There was nothing to judge.")
        request = decode_request(ModerationRequest, {"model": self._target.model, "input": list(parts)})
        try:
            answer = await self._target.provider.moderate(request, self._call)
            return _summed(_results(answer.body))
        except DinrailError as error:
            if blocks or not isinstance(error, UpstreamError):
                raise
            return _failure(error.code, error.message)


class Moderating:
    """Makes a response whose input is judged before it is made, and whose output is judged before it is over.

    What is blocked ends as ``incomplete`` for ``content_filter``: without asking the model where it is the input,
    without its output where it is that. Until an output that may be blocked is judged, nothing is told of it.

    Args:
        scribe: Where it is written.
        judge: Judges.
        blocks: Whether what is flagged is blocked, of the ``input`` and of the ``output``.
        given: The judgement of the input.

    Attributes:
        blocked: Whether the input was blocked.
    """

    def __init__(self, scribe: Scribe, judge: Judge, blocks: Mapping[str, bool], given: Json) -> None:
        self._scribe = scribe
        self._judge = judge
        self._blocks = blocks
        self._given = given
        self._runs: Runs | None = None
        self.blocked = blocks["input"] and bool(given.get("flagged"))

    @classmethod
    async def begun(cls, scribe: Scribe, judge: Judge, policy: Json, parts: Sequence[Json]) -> Moderating:
        """Judge the input.

        Args:
            scribe: Where it is written.
            judge: Judges.
            policy: What the request says of what is flagged.
            parts: The input as judges are told it.
        """
        blocks = {side: (policy.get(side) or {}).get("mode") == "block" for side in ("input", "output")}
        return cls(scribe, judge, blocks, await judge.judge(parts, blocks=blocks["input"]))

    def over(self, runs: Runs) -> Moderating:
        """This, over what makes the response."""
        self._runs = runs
        return self

    async def run(self) -> AsyncGenerator[None, None]:
        """See :meth:`Loop.run`."""
        if self._runs is None:
            self._tell(_failure("blocked", "The input was blocked, so there is no output."))
            self._scribe.end("incomplete", reason=_BLOCKED)
            yield
            return
        held = self._scribe.hold() if self._blocks["output"] else None
        try:
            async with aclosing(self._runs.run()) as running:
                async for _ in running:
                    yield
            made = await self._judge.judge(list(_said(self._scribe.output)), blocks=self._blocks["output"])
        except BaseException:
            self._scribe.release(held, keep=False)
            raise
        blocked = self._blocks["output"] and bool(made.get("flagged"))
        self._scribe.release(held, keep=not blocked)
        self._tell(made)
        if blocked:
            self._scribe.response["completed_at"] = None
            self._scribe.end("incomplete", reason=_BLOCKED)
        yield

    def _tell(self, made: Json) -> None:
        self._scribe.response["moderation"] = {"input": self._given, "output": made}


def told_to_judges(items: Sequence[Json], files: Mapping[str, Blob]) -> list[Json]:
    """What items say and show: texts, and images as URLs.

    Args:
        items: Items of an input.
        files: Uploaded files by their ids.
    """
    parts = list(_said(items))
    for part in _parts(items):
        if part.get("type") == "input_image":
            blob = files.get(part.get("file_id") or "")
            url = blob.url if blob is not None else part.get("image_url")
            if url:
                parts.append({"type": "image_url", "image_url": {"url": url}})
    return parts


def _said(items: Sequence[Json]) -> Iterator[Json]:
    for item in items:
        texts = [item.get(name) for name in ("arguments", "input")]
        texts += [item["output"]] if isinstance(item.get("output"), str) else []
        texts += [part.get(name) for part in _parts([item]) for name in ("text", "refusal")]
        yield from ({"type": "text", "text": text} for text in texts if isinstance(text, str) and text)


def _parts(items: Sequence[Json]) -> Iterator[Json]:
    for item in items:
        for name in ("content", "summary", "output"):
            parts = item.get(name)
            if isinstance(parts, list):
                yield from (part for part in parts if isinstance(part, dict))


def _results(body: bytes) -> Json:
    """What a moderation model has answered.

    Raises:
        UpstreamInvalid: It is no judgement.
    """
    found = parsed(body)
    if not isinstance(found.get("results"), list) or not found["results"]:
        raise UpstreamInvalid("The upstream has judged nothing.")
    return found


def _summed(answer: Json) -> Json:
    """Judgements of several parts as one: what is flagged in one of them is flagged."""
    flagged = False
    categories: dict[str, bool] = {}
    scores: dict[str, float] = {}
    types: dict[str, list[str]] = {}
    for result in answer["results"]:
        flagged = flagged or bool(result.get("flagged"))
        for name, violated in (result.get("categories") or {}).items():
            categories[name] = categories.get(name, False) or bool(violated)
        for name, score in (result.get("category_scores") or {}).items():
            scores[name] = max(scores.get(name, 0.0), score or 0.0)
        for name, kinds in (result.get("category_applied_input_types") or {}).items():
            types[name] = sorted({*types.get(name, ()), *kinds})
    told: Json = {"type": "moderation_result", "model": answer.get("model") or "", "flagged": flagged}
    return {
        **told,
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": types,
    }


def _failure(code: str, message: str) -> Json:
    return {"type": "error", "code": code, "message": message}

"""Completions of the older kind: texts, or their tokens, are continued as they are, without a chat template."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.completions import CompletionRequest, TextCompletion
from dinrail_core.api.sampling import StreamOptions
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_transformers.answering import Accept, Answering
from dinrail_transformers.answers import TextWriter, text_choice_of, usage_of
from dinrail_transformers.reading import Reader
from dinrail_transformers.requests import Sampling, drawn, refuse_constraints
from dinrail_transformers.speaking import Choice

if TYPE_CHECKING:
    from dinrail_transformers.language_model import LanguageModel

__all__ = ["Texts", "Wanted", "wanted_of"]

_LIMIT = 16
"""Tokens where a request names no limit, as the API has it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a completion is to be made of.

    Attributes:
        prompts: Texts, or their tokens; ``None`` for the beginning of a text.
        names: What each is called in an error.
        sampling: How tokens are chosen.
        count: How many continuations of each prompt.
        echo: Whether they begin with the prompt.
    """

    prompts: Sequence[str | Sequence[int] | None]
    names: Sequence[str]
    sampling: Sampling
    count: int
    echo: bool


class Texts:
    """Continues texts with one model.

    Args:
        model: Lets it speak.
        name: What requests call it.
    """

    def __init__(self, model: Answering, name: str) -> None:
        self._model = model
        self._name = name

    async def complete(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        """See :meth:`~dinrail_core.api.completions.CompletionModel.complete_text`."""
        wanted = wanted_of(request)
        spoken, prompt, completion = await self._model.whole(call, _accepting(wanted))
        choices = [text_choice_of(index, one.heard, one.end, _shown(wanted)) for index, one in enumerate(spoken)]
        answer = {**self._about(), "choices": choices, "usage": usage_of(prompt, completion)}
        return Answer(TextCompletion, body=orjson.dumps(answer))

    async def stream(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        """See :meth:`~dinrail_core.api.completions.CompletionModel.stream_text`."""
        wanted, options = wanted_of(request), request.stream_options
        usage = isinstance(options, StreamOptions) and options.include_usage is True
        writer = TextWriter(self._about(), _shown(wanted), usage=usage)
        return await self._model.stream(TextCompletion, call, _accepting(wanted), writer)

    def _about(self) -> dict[str, Any]:
        same = {"id": f"cmpl-{uuid4().hex}", "object": "text_completion", "created": int(time.time())}
        return {**same, "model": self._name}


def wanted_of(request: CompletionRequest) -> Wanted:
    """What a request asks for.

    Raises:
        InvalidRequest: It makes no sense.
        UnsupportedFeature: A model in this process cannot do it.
    """
    refuse_constraints(request.model_extra or {})
    if isinstance(request.suffix, str) and request.suffix:
        raise UnsupportedFeature("How a model is told what comes behind a gap is not known here.", param="suffix")
    count = request.n if isinstance(request.n, int) else 1
    if isinstance(request.best_of, int) and request.best_of > count:
        raise UnsupportedFeature("A model in this process does not choose the best of several.", param="best_of")
    if isinstance(request.best_of, int) and request.best_of < count:
        raise InvalidRequest("'best_of' must not be less than 'n'.", param="best_of")
    given: Any = request.prompt
    if given is None or isinstance(given, str) or (given and isinstance(given[0], int)):
        prompts, names = [given], ["prompt"]
    else:
        prompts, names = list(given), [f"prompt.{place}" for place in range(len(given))]
    if not prompts:
        raise InvalidRequest("There is no prompt.", param="prompt")
    limit = request.max_tokens if isinstance(request.max_tokens, int) else _LIMIT
    alternatives = request.logprobs if isinstance(request.logprobs, int) else None
    return Wanted(prompts, names, drawn(request, limit, alternatives), count, request.echo is True)


def _accepting(wanted: Wanted) -> Accept:
    return partial(_choices, wanted)


def _choices(wanted: Wanted, model: LanguageModel) -> list[Choice]:
    """In the model's thread."""
    model.check(wanted.sampling)
    choices: list[Choice] = []
    room = min(1, wanted.sampling.limit or 0)
    for given, name in zip(wanted.prompts, wanted.names, strict=True):
        prompt = model.tokenized(given, name, room=room)
        echo = (given if isinstance(given, str) else model.written(prompt.tokens)) if wanted.echo else None
        for _ in range(wanted.count):
            choices.append(Choice(prompt, wanted.sampling.seeded(len(choices)), _plain, echo=echo))
    return choices


def _plain() -> Reader:
    """A text is a text, whatever marks of thoughts and calls are in it."""
    return Reader("none", thinks=False)


def _shown(wanted: Wanted) -> int | None:
    return wanted.sampling.alternatives

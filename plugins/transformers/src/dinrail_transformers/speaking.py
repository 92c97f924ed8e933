"""One choice of an answer, made token by token in the model's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dinrail_transformers.reading import Piece, StopTexts
from dinrail_transformers.spelling import Speller

if TYPE_CHECKING:
    from dinrail_transformers.language_model import LanguageModel, Prompt
    from dinrail_transformers.requests import Chat, Sampling
    from dinrail_transformers.sampling import Chosen

__all__ = ["End", "Heard", "speak"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a token, or the answer's end, adds.

    Attributes:
        pieces: Of text, thoughts and calls.
        logprobs: Tokens with their probabilities, as OpenAI's chats tell them.
    """

    pieces: Sequence[Piece] = ()
    logprobs: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class End:
    """How the choice ended.

    Attributes:
        finish: ``stop``, ``length`` or ``tool_calls``.
        tokens: How many were generated.
    """

    finish: str
    tokens: int


@dataclass(slots=True)
class _State:
    tokens: int = 0
    ended: bool = False
    given_up: bool = False
    logprobs: list[dict[str, Any]] = field(default_factory=list)


def speak(
    model: LanguageModel,
    prompt: Prompt,
    chat: Chat,
    sampling: Sampling,
    hear: Callable[[Heard], bool],
) -> End:
    """Generate a choice.

    Args:
        model: The model.
        prompt: What it goes on from.
        chat: The chat that the prompt was made of.
        sampling: How tokens are chosen.
        hear: Is told of everything that comes; whether anybody still listens.
    """
    speller, stops = Speller(model.spell), StopTexts(sampling.stops)
    reader = model.reader(prompt, calls=bool(chat.tools))
    state = _State()

    def pass_on(text: str, *, last: bool = False) -> None:
        text = stops.feed(text)
        if last:
            text += stops.rest()
        pieces = reader.feed(text) if text else []
        if last:
            pieces += reader.rest()
        if (pieces or last) and not state.given_up:
            logprobs, state.logprobs = state.logprobs, []
            if pieces or logprobs:
                state.given_up = not hear(Heard(pieces, logprobs))

    def told(chosen: Chosen) -> bool:
        state.tokens += 1
        if model.ends(chosen.id):
            state.ended = True
            return True
        if chosen.logprob is not None:
            state.logprobs.append(_shown(model, chosen, chosen.logprob))
        pass_on(speller.feed(chosen.id))
        return stops.stopped or state.given_up or (chat.one_call and reader.calls > 0)

    model.generate(prompt, sampling, told)
    stopped = stops.stopped
    pass_on("" if stopped else speller.rest(), last=True)
    if reader.calls:
        return End("tool_calls", state.tokens)
    return End("stop" if state.ended or stopped else "length", state.tokens)


def _shown(model: LanguageModel, chosen: Chosen, logprob: float) -> dict[str, Any]:
    shown = [_one(model, token, value) for token, value in chosen.others]
    return {**_one(model, chosen.id, logprob), "top_logprobs": shown}


def _one(model: LanguageModel, token: int, logprob: float) -> dict[str, Any]:
    text = model.written(token)
    # A part of a character has no text of its own, and its bytes are not known.
    whole = "\N{REPLACEMENT CHARACTER}" not in text
    return {"token": text, "logprob": max(logprob, -9999.0), "bytes": list(text.encode()) if whole else None}

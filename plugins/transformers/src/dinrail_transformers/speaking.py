"""One choice of an answer, made token by token in the model's thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from dinrail_transformers.reading import Piece, Reader, StopTexts
from dinrail_transformers.spelling import Speller

if TYPE_CHECKING:
    from dinrail_transformers.language_model import LanguageModel, Prompt
    from dinrail_transformers.requests import Sampling
    from dinrail_transformers.sampling import Chosen

__all__ = ["Choice", "End", "Heard", "Scored", "Token", "speak"]


_NEAR = 8
"""How many characters of a prompt a tokenizer may have changed in one place."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What one choice is made of.

    Attributes:
        prompt: What the model goes on from.
        sampling: How tokens are chosen.
        reader: Makes what takes apart what the model writes.
        one_call: Whether it ends behind its first call.
        echo: What the answer begins with, where the prompt is to be repeated.
    """

    prompt: Prompt
    sampling: Sampling
    reader: Callable[[], Reader]
    one_call: bool = False
    echo: str | None = None


class Token(NamedTuple):
    """A token as it is shown.

    Attributes:
        text: The token by itself.
        logprob: The natural logarithm of its probability; ``None`` for the first of a prompt, which follows nothing.
    """

    text: str
    logprob: float | None


class Scored(NamedTuple):
    """A token with its probability.

    Attributes:
        token: The token.
        others: The likeliest ones at its place.
        at: Characters of the answer before it.
    """

    token: Token
    others: Sequence[Token]
    at: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What a token, or the answer's end, adds.

    Attributes:
        pieces: Of text, thoughts and calls.
        scored: Tokens with their probabilities.
    """

    pieces: Sequence[Piece] = ()
    scored: Sequence[Scored] = ()


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
    characters: int = 0
    ended: bool = False
    given_up: bool = False
    scored: list[Scored] = field(default_factory=list)


def speak(model: LanguageModel, choice: Choice, hear: Callable[[Heard], bool]) -> End:
    """Generate a choice.

    Args:
        model: The model.
        choice: What of.
        hear: Is told of everything that comes; whether anybody still listens.
    """
    speller, stops = Speller(model.spell), StopTexts(choice.sampling.stops)
    reader = choice.reader()
    state = _State(characters=len(choice.echo or ""))

    def pass_on(text: str, *, last: bool = False) -> None:
        text = stops.feed(text)
        if last:
            text += stops.rest()
        pieces = reader.feed(text) if text else []
        if last:
            pieces += reader.rest()
        if (pieces or last) and not state.given_up:
            scored, state.scored = state.scored, []
            if pieces or scored:
                state.given_up = not hear(Heard(pieces, scored))

    def told(chosen: Chosen) -> bool:
        state.tokens += 1
        if model.ends(chosen.id):
            state.ended = True
            return True
        if chosen.logprob is not None:
            state.scored.append(_scored(model, chosen, state.characters))
        text = speller.feed(chosen.id)
        state.characters += len(text)
        pass_on(text)
        return stops.stopped or state.given_up or (choice.one_call and reader.calls > 0)

    if choice.echo is not None:
        state.given_up = not _repeat(model, choice, choice.echo, hear)
    if choice.sampling.limit != 0 and not state.given_up:
        model.generate(choice.prompt, choice.sampling, told)
    stopped = stops.stopped
    pass_on("" if stopped else speller.rest(), last=True)
    if reader.calls:
        return End("tool_calls", state.tokens)
    return End("stop" if state.ended or stopped else "length", state.tokens)


def _repeat(model: LanguageModel, choice: Choice, text: str, hear: Callable[[Heard], bool]) -> bool:
    """Say the prompt again, with its tokens' probabilities where those are wanted; whether anybody still listens."""
    listening = hear(Heard([Piece(text=text)])) if text else True
    if choice.sampling.alternatives is None:
        return listening
    speller, characters = Speller(model.written), 0
    for chosens in model.score(choice.prompt, choice.sampling.alternatives):
        scored = []
        for chosen in chosens:
            scored.append(_scored(model, chosen, characters))
            piece = speller.feed(chosen.id)
            # A mark that the tokenizer has put before the text is no part of it, and blanks it may have changed.
            at = text.find(piece, characters, characters + len(piece) + _NEAR)
            characters = at + len(piece) if at >= 0 else characters
        listening = listening and hear(Heard((), scored))
        if not listening:
            break
    return listening


def _scored(model: LanguageModel, chosen: Chosen, at: int) -> Scored:
    others = [Token(model.written([token]), logprob) for token, logprob in chosen.others]
    return Scored(Token(model.written([chosen.id]), chosen.logprob), others, at)

"""What a fake upstream says, in words that belong to no dialect, and what a provider asked it for.

A case scripts *what* the model says; a :class:`~dinrail_sdk.testing.dialect.Dialect` knows how an upstream of that kind
puts it on the wire. So one suite tests providers of every kind.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

__all__ = [
    "Api",
    "Asked",
    "AskedMessage",
    "AskedTool",
    "Found",
    "FoundPage",
    "ListedModel",
    "Listing",
    "Ranking",
    "Refused",
    "Say",
    "Script",
    "Spoken",
    "TokenOdds",
    "Tokens",
    "ToolUse",
    "Vectors",
    "Verdict",
    "Verdicts",
    "improvise",
    "vector_of",
]

Api: TypeAlias = Literal[
    "chat",
    "completions",
    "responses",
    "input_tokens",
    "compact",
    "embeddings",
    "rerank",
    "moderations",
    "models",
    "web_search",
]
"""Which operation of the upstream was called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What an answer cost; the details are left out where they are ``None``."""

    prompt: int = 11
    completion: int = 7
    cached: int | None = None
    reasoning: int | None = None

    @property
    def total(self) -> int:
        """Both together."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A call of a function. ``arguments`` is JSON text."""

    name: str
    arguments: str
    id: str = "call_kit"

    def same(self, other: ToolUse) -> bool:
        """Whether both call the same function with equal arguments, under the same id."""
        return (self.id, self.name) == (other.id, other.name) and _loads(self.arguments) == _loads(other.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOdds:
    """A token, its log-probability, and what could have stood in its place."""

    text: str
    logprob: float
    others: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One choice of an answer.

    Attributes:
        text: What the model says; ``None`` where it only calls tools.
        reasoning: What it thinks before.
        refusal: What it says instead of an answer.
        calls: The tools that it calls, all in parallel.
        finish: ``stop``, ``length``, ``tool_calls`` or ``content_filter``.
        odds: Its tokens; their texts are then the pieces of the stream, and together they are ``text``.
        piece: How many characters a piece of the stream has (of the text, the thoughts, the arguments).
        sealed: What it thinks in encrypted form, for who asks for that; of the Responses API alone.
        items: Items of its server's own tools, as they stand on the wire; of the Responses API alone.
    """

    text: str | None = "Hello there."
    reasoning: str | None = None
    refusal: str | None = None
    calls: tuple[ToolUse, ...] = ()
    finish: str = "stop"
    odds: tuple[TokenOdds, ...] = ()
    piece: int = 5
    sealed: str | None = None
    items: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """An answer of a chat or a completion model.

    Attributes:
        choices: One or more answers.
        usage: ``None`` where the upstream tells none.
        extra: Fields that no specification knows, at the top of the answer and of every event.
        volunteers_usage: Streams the usage without being asked, as several servers do.
    """

    choices: tuple[Say, ...] = (Say(),)
    usage: Tokens | None = Tokens()
    extra: Mapping[str, object] = field(default_factory=dict)
    volunteers_usage: bool = False

    @classmethod
    def of(cls, text: str) -> Spoken:
        """One choice that says ``text``."""
        return cls(choices=(Say(text=text),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """Embeddings, in the order of the inputs; values that a 32-bit float holds exactly compare exactly.

    Attributes:
        vectors: One for each input.
        usage: Tokens of all inputs; ``completion`` is not told.
        shuffled: The upstream sends them out of order, each with its index, where its dialect has one.
        extra: As for :class:`Spoken`.
    """

    vectors: tuple[tuple[float, ...], ...]
    usage: Tokens = Tokens(completion=0)
    shuffled: bool = False
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Relevance of documents.

    Attributes:
        scores: One for each document, in the request's order; the dialect sorts and cuts as its upstream does.
        unsorted: The upstream answers in the request's order.
        usage: ``None`` where the upstream tells none.
        extra: As for :class:`Spoken`.
    """

    scores: tuple[float, ...]
    unsorted: bool = False
    usage: Tokens | None = Tokens(completion=0)
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judgement of one input: the categories that are violated, and scores; all others are clean with score 0."""

    violated: frozenset[str] = frozenset()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Judgements, in the order of the inputs."""

    verdicts: tuple[Verdict, ...]
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """A model in the upstream's list; the last three are told where the dialect has a word for them."""

    id: str
    created: int = 1_700_000_000
    owned_by: str = "kit"
    context_length: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The upstream's models."""

    models: tuple[ListedModel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An error answer.

    Attributes:
        status: The HTTP status.
        message: What the upstream says about it.
        param: The field that the upstream blames.
        code: The upstream's own code.
        retry_after: Seconds, sent as ``Retry-After``.
        text: Answer with this plain text in place of the dialect's error shape, as a proxy in between would.
    """

    status: int
    message: str = "The upstream of the conformance kit says no."
    param: str | None = None
    code: str | None = None
    retry_after: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPage:
    """A page that a search engine has found; titles and texts may hold the engine's markup."""

    url: str
    title: str = "A page"
    text: str = "What it says."
    published: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search engine has found, the best first; it may be more, or other, than was asked for."""

    pages: tuple[FoundPage, ...] = ()


Script: TypeAlias = Spoken | Vectors | Ranking | Verdicts | Listing | Found | Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMessage:
    """A message as it reached the upstream.

    Attributes:
        role: ``system`` (or ``developer``, where the dialect has it), ``user``, ``assistant``, ``tool``.
        text: Its text, parts joined by line ends.
        images: URLs or ``data:`` URLs, in order.
        audio: Base64, in order.
        files: Base64 or ids, in order.
        calls: The tools that an assistant's message called.
        answers: The id of the call that a tool's message answers.
        thoughts: What an assistant's message thought before; ``None`` where the dialect is not read for it.
    """

    role: str
    text: str = ""
    images: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    calls: tuple[ToolUse, ...] = ()
    answers: str | None = None
    thoughts: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedTool:
    """A function that was offered."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What reached the upstream, read by its dialect.

    Attributes:
        api: Which operation.
        model: The model's name.
        stream: Whether a stream is wanted.
        wants_usage: Whether the stream is to tell the usage.
        messages: Of a chat.
        tools: The functions offered.
        tool_choice: ``auto``, ``none``, ``required``, ``=name`` for one function, ``None`` where left out.
        parallel: Whether several tools may be called at once, ``None`` where left out.
        schema: The JSON schema that the answer must follow.
        json_object: Whether the answer must be some JSON object.
        settings: ``temperature``, ``top_p``, ``max_tokens``, ``stop`` (a list), ``seed``, ``presence_penalty``,
            ``frequency_penalty``, ``suffix``, ``echo``, ``user``; only those that were sent.
        n: How many choices.
        odds: How many alternatives are told for each token, ``None`` where no log-probabilities are wanted.
        inputs: Texts or token lists: prompts, inputs of embeddings and moderations, documents.
        query: Of a rerank, and of a search.
        count: Of a search: how many pages, ``None`` where the engine is not told.
        domains: Of a search: where it may look.
        location: Of a search: ``country``, ``city``, … as the engine is told.
        top_n: Of a rerank.
        returns_documents: Of a rerank.
        dimensions: Of embeddings.
        base64: Whether embeddings are wanted as base64.
        extra: Fields that the dialect does not know.
    """

    api: Api
    model: str = ""
    stream: bool = False
    wants_usage: bool = False
    messages: tuple[AskedMessage, ...] = ()
    tools: tuple[AskedTool, ...] = ()
    tool_choice: str | None = None
    parallel: bool | None = None
    schema: Mapping[str, Any] | None = None
    json_object: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    n: int = 1
    odds: int | None = None
    inputs: tuple[str | tuple[int, ...], ...] = ()
    query: str | None = None
    count: int | None = None
    domains: tuple[str, ...] = ()
    location: Mapping[str, str] = field(default_factory=dict)
    top_n: int | None = None
    returns_documents: bool = False
    dimensions: int | None = None
    base64: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


def improvise(asked: Asked, model: str) -> Script:
    """What the upstream says without a script: an answer that follows from the request, so that mixed-up ones show.

    Args:
        asked: The request.
        model: The one model that the upstream lists.
    """
    match asked.api:
        case "chat" | "responses" | "input_tokens" | "compact":
            said = [message.text for message in asked.messages if message.role == "user"]
            return Spoken(choices=(Say(text=f"You said: {said[-1] if said else ''}"),) * asked.n)
        case "completions":
            return Spoken(
                choices=tuple(
                    Say(text=f" and so on ({text})") for text in asked.inputs or ("",) for _ in range(asked.n)
                )
            )
        case "embeddings":
            return Vectors(vectors=tuple(vector_of(text, asked.dimensions or 8) for text in asked.inputs))
        case "rerank":
            wanted = _words(asked.query or "")
            return Ranking(scores=tuple(len(wanted & _words(str(text))) / 16 for text in asked.inputs))
        case "moderations":
            return Verdicts(verdicts=tuple(_judge(str(text)) for text in asked.inputs))
        case "models":
            return Listing(models=(ListedModel(id=model),))
        case "web_search":
            site = asked.domains[0] if asked.domains else "kit.example"
            name = hashlib.sha256((asked.query or "").encode()).hexdigest()[:8]
            return Found(
                pages=tuple(
                    FoundPage(
                        url=f"https://{site}/{name}/{number}", title=f"{asked.query} {number}", text=f"On {name}."
                    )
                    for number in range(3)
                )
            )


def vector_of(text: str | tuple[int, ...], dimensions: int = 8) -> tuple[float, ...]:
    """A vector that belongs to ``text`` alone; its values are exact in 32 bits and different from each other's."""
    digest = hashlib.shake_128(repr(text).encode()).digest(dimensions)
    return tuple(value / 256 - 0.5 for value in digest)


def _judge(text: str) -> Verdict:
    score = hashlib.shake_128(text.encode()).digest(1)[0] / 256
    return Verdict(violated=frozenset({"violence"} if "attack" in text else ()), scores={"violence": score})


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _loads(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text

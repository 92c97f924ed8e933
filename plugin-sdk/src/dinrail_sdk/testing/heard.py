"""What a client makes of an answer: read from plain JSON, by rules of the kit's own, never by the code under test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dinrail_sdk.testing.script import Say, TokenOdds, ToolUse

__all__ = ["Heard", "HeardChoice", "hear_answer", "hear_events", "parse_read"]


@dataclass(slots=True)
class HeardChoice:
    """One choice, put together.

    Attributes:
        calls: Finished calls by their place.
        finish: Why it ended; ``None`` where nothing said so.
        odds: Its tokens' log-probabilities.
    """

    role: str | None = None
    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: dict[int, ToolUse] = field(default_factory=dict)
    finish: str | None = None
    odds: list[TokenOdds] = field(default_factory=list)

    def assert_says(self, say: Say, how: str) -> None:
        """Check it against what the model said.

        Args:
            say: What it said.
            how: Which view of which form this is; begins the message.
        """
        assert self.text == (say.text or ""), f"{how}: the text is {self.text!r}, the model said {say.text!r}."
        assert self.reasoning == (say.reasoning or ""), (
            f"{how}: the reasoning is {self.reasoning!r}, not {say.reasoning!r}."
        )
        assert self.refusal == (say.refusal or ""), f"{how}: the refusal is {self.refusal!r}, not {say.refusal!r}."
        self.assert_calls(say.calls, how)
        assert self.finish == say.finish, f"{how}: the finish reason is {self.finish!r}, not {say.finish!r}."

    def assert_calls(self, calls: tuple[ToolUse, ...], how: str) -> None:
        """Check the tool calls alone: number, order, ids, names, arguments."""
        got = [self.calls[index] for index in sorted(self.calls)]
        same = len(got) == len(calls) and all(one.same(other) for one, other in zip(got, calls, strict=True))
        assert same, f"{how}: the tool calls are {got}, the model made {list(calls)}."


@dataclass(slots=True)
class Heard:
    """A whole answer, or a stream put together.

    Attributes:
        choices: By index.
        usage: As it stood on the wire, ``None`` where none was told.
        usage_events: How many events of a stream carried usage.
        usage_last: Whether nothing came behind the usage, and its event had no choices.
        extra: What ``x_kit`` held, once for the answer or for each event.
        events: How many events the stream had; 0 for a whole answer.
        ids: Every distinct id.
    """

    choices: dict[int, HeardChoice] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    usage_events: int = 0
    usage_last: bool = False
    extra: list[Any] = field(default_factory=list)
    events: int = 0
    ids: set[str] = field(default_factory=set)

    @property
    def first(self) -> HeardChoice:
        """The choice with index 0.

        Raises:
            AssertionError: There is none.
        """
        assert 0 in self.choices, f"There is no choice with index 0, only {sorted(self.choices)}."
        return self.choices[0]


def parse_read(read: bytes, where: str = "A read") -> list[Any]:
    """The JSON of each frame of a read, which must hold whole frames and no end mark.

    Raises:
        AssertionError: It does not.
    """
    text = read.decode("utf-8")
    assert text.endswith(("\n\n", "\r\n\r\n", "\r\r")), f"{where} does not end with a whole frame: {text[-80:]!r}"
    events = []
    for frame in text.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        lines = [line[5:].removeprefix(" ") for line in frame.split("\n") if line.startswith("data:")]
        if not lines:
            continue
        data = "\n".join(lines)
        assert data != "[DONE]", f"{where} holds the end mark [DONE], which is the server's to send."
        events.append(json.loads(data))
    return events


def hear_answer(data: Mapping[str, Any]) -> Heard:
    """A chat completion or a text completion."""
    heard = Heard(usage=data.get("usage"), extra=[data.get("x_kit")], ids={str(data.get("id"))})
    for choice in data["choices"]:
        assert choice["index"] not in heard.choices, f"Two choices have the index {choice['index']}."
        message = choice.get("message") or {"role": "assistant", "content": choice.get("text")}
        heard.choices[choice["index"]] = HeardChoice(
            role=message.get("role"),
            text=message.get("content") or "",
            reasoning=message.get("reasoning_content") or message.get("reasoning") or "",
            refusal=message.get("refusal") or "",
            calls={place: _call(call) for place, call in enumerate(message.get("tool_calls") or ())},
            finish=choice.get("finish_reason"),
            odds=_odds(choice.get("logprobs")),
        )
    return heard


def hear_events(events: Iterable[Mapping[str, Any]]) -> Heard:
    """The events of a stream, put together as OpenAI's clients do.

    Raises:
        AssertionError: They contradict each other: text behind the finish reason, two finish reasons, a piece of a call
            that nobody opened, an id that changes.
    """
    heard = Heard()
    for event in events:
        heard.events += 1
        heard.ids.add(str(event.get("id")))
        heard.extra.append(event.get("x_kit"))
        usage, choices = event.get("usage"), event.get("choices") or ()
        heard.usage_last = usage is not None and not choices
        if usage is not None:
            heard.usage, heard.usage_events = usage, heard.usage_events + 1
        for choice in choices:
            _add(heard.choices.setdefault(choice["index"], HeardChoice()), choice)
    return heard


def _add(heard: HeardChoice, piece: Mapping[str, Any]) -> None:
    delta = piece.get("delta") or {"content": piece.get("text")}
    said = any(delta.get(name) for name in ("content", "reasoning_content", "reasoning", "refusal", "tool_calls"))
    assert not (heard.finish and said), f"Something comes behind the finish reason: {dict(delta)}"
    heard.role = heard.role or delta.get("role")
    heard.text += delta.get("content") or ""
    heard.reasoning += delta.get("reasoning_content") or delta.get("reasoning") or ""
    heard.refusal += delta.get("refusal") or ""
    heard.odds += _odds(piece.get("logprobs"))
    for call in delta.get("tool_calls") or ():
        _add_call(heard, call)
    if piece.get("finish_reason") is not None:
        assert heard.finish is None, f"There are two finish reasons: {heard.finish!r} and {piece['finish_reason']!r}."
        heard.finish = piece["finish_reason"]


def _add_call(heard: HeardChoice, piece: Mapping[str, Any]) -> None:
    function = piece.get("function") or {}
    place = piece["index"]
    before = heard.calls.get(place)
    if before is None:
        assert piece.get("id"), f"The first piece of tool call {place} has no id: {dict(piece)}"
        assert function.get("name"), f"The first piece of tool call {place} has no name: {dict(piece)}"
        before = ToolUse(id=piece["id"], name=function["name"], arguments="")
    assert piece.get("id") in (None, "", before.id), f"Tool call {place} changes its id to {piece.get('id')!r}."
    heard.calls[place] = ToolUse(
        id=before.id, name=before.name, arguments=before.arguments + (function.get("arguments") or "")
    )


def _call(call: Mapping[str, Any]) -> ToolUse:
    return ToolUse(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])


def _odds(logprobs: Mapping[str, Any] | None) -> list[TokenOdds]:
    """Log-probabilities of a chat (a list of tokens) or of a completion (parallel lists)."""
    if not logprobs:
        return []
    if "tokens" in logprobs:
        rows = zip(logprobs["tokens"], logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True)
        return [
            TokenOdds(text=text, logprob=odds, others=tuple(sorted((top or {}).items()))) for text, odds, top in rows
        ]
    return [
        TokenOdds(
            text=token["token"],
            logprob=token["logprob"],
            others=tuple(sorted((other["token"], other["logprob"]) for other in token.get("top_logprobs") or ())),
        )
        for token in logprobs.get("content") or ()
    ]

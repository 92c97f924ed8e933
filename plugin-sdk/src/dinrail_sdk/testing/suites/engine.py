"""Cases for real engines: what can be asked of a model whose answers nobody knows beforehand."""

from __future__ import annotations

import json
from typing import Any

from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.heard import HeardChoice
from dinrail_sdk.testing.operations import COMPLETE, STREAM
from dinrail_sdk.testing.script import Say, Spoken, TokenOdds, Tokens, ToolUse
from dinrail_sdk.testing.suite import Suite, case
from dinrail_sdk.testing.suites.chat_tools import CLOCK

__all__ = ["EngineSuite"]

VERDICT: dict[str, Any] = {
    "type": "object",
    "properties": {"verdict": {"enum": ["yes", "no"]}, "sure": {"type": "boolean"}},
    "required": ["verdict", "sure"],
    "additionalProperties": False,
}
"""A schema whose every answer is short, whatever the model would like to say."""
JUDGE: dict[str, Any] = {
    "type": "function",
    "function": {"name": "judge", "description": "Says whether it is so.", "parameters": VERDICT, "strict": True},
}
ODDS = (
    TokenOdds(text="Yes", logprob=-0.25, others=(("No", -2.5), ("Yes", -0.25))),
    TokenOdds(text=".", logprob=-0.125, others=(("!", -4.0), (".", -0.125))),
)
FORCED: dict[str, Any] = {"temperature": 1, "seed": 7, "max_tokens": 256}
"""Enough tokens for such an answer, a character each, and blanks between; the likeliest could be blanks for ever."""


class EngineSuite(Suite):
    """What an engine must do for chats, beside the cases of the other suites that need no script.

    A test class derives from it, from the suites of the contracts, and says ``dialect = None``. The model may have
    random weights: everything asked for here, the engine sees to.
    """

    @case("json_schema", unscripted=True)
    async def test_engine_json_schema(self, bench: Bench) -> None:
        """An answer that must follow a schema does, whole and streamed.

        Troubleshooting: the engine may need to be told to constrain its samples (a grammar, a guided decoder).
        """
        form = {"type": "json_schema", "json_schema": {"name": "verdict", "schema": VERDICT, "strict": True}}
        _script(bench, Say(text='{"verdict": "no", "sure": true}'))
        for operation in (COMPLETE, STREAM):
            heard = operation.hear(await operation.ask(bench, response_format=form, **FORCED))
            _assert_verdict(heard.first.text, operation.id)

    @case("tools", "tool_choice", unscripted=True)
    async def test_engine_named_tool(self, bench: Bench) -> None:
        """A function that must be called is, by arguments that follow its schema, whole and streamed.

        Troubleshooting: the engine may need to be told how its model writes calls (a parser).
        """
        choice = {"type": "function", "function": {"name": "judge"}}
        _script(bench, Say(text=None, calls=(ToolUse(name="judge", arguments='{"verdict": "no", "sure": true}'),)))
        for operation in (COMPLETE, STREAM):
            objects = await operation.ask(bench, tools=[JUDGE, CLOCK], tool_choice=choice, **FORCED)
            choice_heard = operation.hear(objects).first
            called = [call.name for call in choice_heard.calls.values()]
            assert called == ["judge"], f"{operation.id}: the functions called are {called}."
            _assert_verdict(choice_heard.calls[0].arguments, operation.id)

    @case("logprobs", unscripted=True)
    async def test_engine_logprobs(self, bench: Bench) -> None:
        """Every token comes with its log-probability and the two likeliest, whole and streamed.

        Troubleshooting: hand ``logprobs`` and ``top_logprobs`` on.
        """
        _script(bench, Say(text="Yes.", odds=ODDS))
        for operation in (COMPLETE, STREAM):
            objects = await operation.ask(bench, logprobs=True, top_logprobs=2, max_tokens=8)
            _assert_odds(operation.hear(objects).first, operation.id)

    @case(unscripted=True)
    async def test_engine_limit(self, bench: Bench) -> None:
        """A text that must be longer than its limit ends at it, says so, and its tokens are counted.

        Troubleshooting: ``max_tokens`` and ``finish_reason: length``.
        """
        if bench.scripted:
            bench.upstream.says(Spoken(choices=(Say(text="a a a", finish="length"),), usage=Tokens(completion=3)))
        count = "Count from one to one hundred, a number on each line."
        heard = COMPLETE.hear(await COMPLETE.ask(bench, marker=count, max_tokens=3))
        assert heard.first.finish == "length", f"The finish reason is {heard.first.finish!r}."
        assert heard.usage is not None, "No usage is told."
        told = (heard.usage["completion_tokens"], heard.usage["prompt_tokens"] > 0)
        assert told == (3, True), f"The usage is {dict(heard.usage)}."


def _script(bench: Bench, say: Say) -> None:
    if bench.scripted:
        bench.upstream.says(Spoken(choices=(say,)))


def _assert_verdict(text: str, how: str) -> None:
    try:
        said = json.loads(text)
    except ValueError:
        raise AssertionError(f"{how}: no JSON: {text!r}") from None
    assert isinstance(said, dict), f"{how}: no object: {text!r}"
    assert set(said) == {"verdict", "sure"}, f"{how}: against the schema: {text!r}"
    follows = said["verdict"] in ("yes", "no") and isinstance(said["sure"], bool)
    assert follows, f"{how}: against the schema: {text!r}"


def _assert_odds(heard: HeardChoice, how: str) -> None:
    assert heard.odds, f"{how}: there are no log-probabilities."
    assert "".join(token.text for token in heard.odds) == heard.text, f"{how}: the tokens are not the text."
    for token in heard.odds:
        assert token.logprob <= 0, f"{how}: {token.logprob} is the logarithm of no probability."
        likeliest = [odds for _, odds in token.others]
        assert len(likeliest) in (2, 3), f"{how}: {len(likeliest)} alternatives are told for a token, not 2."
        assert max(likeliest) >= token.logprob, f"{how}: the likeliest tokens are less likely than the one taken."

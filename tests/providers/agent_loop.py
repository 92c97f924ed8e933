"""What every provider of chats must do below a response: the cases, and which providers say that one does not apply."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from openai import AsyncOpenAI
from openai.types.responses import Response

from dinrail_sdk.testing import Asked, FakeUpstream, Say, Script, Spoken, Tokens, ToolUse
from dinrail_sdk.testing.script import improvise
from dinrail_sdk.testing.suite import Case

__all__ = ["CASES", "Talk"]

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "strict": False,
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "size": {"type": "integer"}},
    "required": ["city", "size"],
    "additionalProperties": False,
}


class Talk:
    """One model behind the server, and what it says.

    Args:
        client: Of the server.
        model: The model's id.
        upstream: The model's server.
    """

    def __init__(self, client: AsyncOpenAI, model: str, upstream: FakeUpstream) -> None:
        self.client = client
        self.model = model
        self.upstream = upstream

    def says(self, *turns: Say) -> None:
        """What the model says in turn; lists of models, which are asked for at any time, are no part of it."""
        due = iter(turns)

        def script(asked: Asked) -> Script:
            say = None if asked.api == "models" else next(due, None)
            if say is None:
                return improvise(asked, self.upstream.model)
            return Spoken(choices=(say,), usage=Tokens(prompt=11, completion=7))

        self.upstream.received.clear()
        self.upstream.says(script)

    @property
    def takes_thoughts(self) -> bool:
        """Whether a model can be told what it thought."""
        return "thoughts" not in self.upstream.dialect.lacks

    def counted(self) -> tuple[int, int]:
        """Tokens of the prompts and of the answers so far, as the model tells them."""
        return 11 * len(self.asked), 7 * len(self.asked)

    async def ask(self, **request: Any) -> Response:
        """A response."""
        answer = await self.client.responses.create(model=self.model, **request)
        assert isinstance(answer, Response)
        assert answer.status == "completed", answer.error
        return answer

    @property
    def asked(self) -> list[Asked]:
        """What the model was asked, without lists of models."""
        found = [received.asked for received in self.upstream.received]
        return [asked for asked in found if asked is not None and asked.api != "models"]


def _called(place: str, number: int) -> ToolUse:
    return ToolUse(id=f"call{number}kit0", name="weather", arguments=json.dumps({"place": place}))


def _outputs(response: Response) -> list[dict[str, str]]:
    """What the caller says to the calls of a response."""
    calls = [item for item in response.output if item.type == "function_call"]
    places = [json.loads(call.arguments)["place"] for call in calls]
    return [
        {"type": "function_call_output", "call_id": call.call_id, "output": f"rain in {place}"}
        for call, place in zip(calls, places, strict=True)
    ]


async def _check_calls(talk: Talk, *places: str) -> None:
    """The model calls for each place, the caller answers, and the model is told each result under its call."""
    calls = tuple(_called(place, number) for number, place in enumerate(places, 1))
    talk.says(Say(text=None, calls=calls, finish="tool_calls"), Say(text="Take an umbrella."))
    first = await talk.ask(input="Will it rain?", tools=[WEATHER])
    assert [tool.name for tool in talk.asked[0].tools] == ["weather"]
    outputs = _outputs(first)
    assert [output["output"] for output in outputs] == [f"rain in {place}" for place in places]
    assert len({output["call_id"] for output in outputs}) == len(places)
    second = await talk.ask(input=outputs, previous_response_id=first.id, tools=[WEATHER])
    assert second.output_text == "Take an umbrella."
    told = talk.asked[-1].messages
    made = [(call.id, json.loads(call.arguments)["place"]) for message in told for call in message.calls]
    assert [place for _, place in made] == list(places)
    results = [(message.answers, message.text) for message in told if message.role == "tool"]
    assert results == [(id_, f"rain in {place}") for id_, place in made]


async def function_round_trip(talk: Talk) -> None:
    """A function is called, the caller's result reaches the model under that call, and the model answers."""
    await _check_calls(talk, "Bern")


async def parallel_calls(talk: Talk) -> None:
    """Several calls at once stay apart, and so do their results."""
    await _check_calls(talk, "Bern", "Basel", "Chur")


async def turns(talk: Talk) -> None:
    """The server goes on by itself where a call is not the caller's to answer, and the usage is that of both turns."""
    fly = ToolUse(id="call1kit0", name="fly", arguments="{}")
    talk.says(Say(text=None, calls=(fly,), finish="tool_calls"), Say(text="I cannot fly."))
    answer = await talk.ask(input="Fly!", tools=[WEATHER])
    assert answer.output_text == "I cannot fly."
    assert len(talk.asked) == 2
    (result,) = [message for message in talk.asked[1].messages if message.role == "tool"]
    assert "no tool 'fly'" in result.text
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == talk.counted()


async def json_schema(talk: Talk) -> None:
    """The schema reaches the model, and what it wrote comes back."""
    text = json.dumps({"city": "Zürich", "size": 447_082}, ensure_ascii=False)
    talk.says(Say(text=text))
    form: Any = {"format": {"type": "json_schema", "name": "city", "schema": CITY, "strict": True}}
    answer = await talk.ask(input="Which city?", text=form)
    assert talk.asked[0].schema == CITY
    assert json.loads(answer.output_text) == json.loads(text)


async def streamed_text(talk: Talk) -> None:
    """The events of a stream add up to the answer that they end with."""
    text = "The Limmat flows out of the lake of Zürich, and into the Aare. 🌍"
    talk.says(Say(text=text))
    deltas, final = [], None
    async with talk.client.responses.stream(model=talk.model, input="Where?") as stream:
        async for event in stream:
            if event.type == "response.output_text.delta":
                deltas.append(event.delta)
            if event.type == "response.completed":
                final = event.response
    assert "".join(deltas) == text
    assert len(deltas) > 1
    assert final is not None
    assert final.output_text == text
    assert final.usage is not None
    assert (final.usage.input_tokens, final.usage.output_tokens) == talk.counted()


async def reasoning(talk: Talk) -> None:
    """What the model thinks is an item before the answer, and no part of it."""
    talk.says(Say(text="42.", reasoning="Six times seven."))
    answer = await talk.ask(input="Think.")
    assert answer.output_text == "42."
    kinds = [item.type for item in answer.output]
    assert kinds == ["reasoning", "message"]
    (thought, _) = answer.output
    assert thought.type == "reasoning"
    assert "".join(part.text for part in thought.content or ()) == "Six times seven."


async def thoughtful_turns(talk: Talk) -> None:
    """What the model thought before a call is no obstacle to the turn after it."""
    fly = ToolUse(id="call1kit0", name="fly", arguments="{}")
    talk.says(Say(text=None, reasoning="Up!", calls=(fly,), finish="tool_calls"), Say(text="I cannot fly."))
    answer = await talk.ask(input="Fly!", tools=[WEATHER])
    assert answer.output_text == "I cannot fly."
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    if talk.asked[1].api == "chat" and talk.takes_thoughts:
        assert [message.thoughts for message in talk.asked[1].messages if message.calls] == ["Up!"]


def _case(body: Callable[[Talk], Awaitable[None]], *features: str) -> Case:
    return Case(body.__name__, body, frozenset(features), unscripted=False, listening=True, each=None)


CASES = (
    _case(function_round_trip, "tools"),
    _case(parallel_calls, "tools", "parallel_calls"),
    _case(turns, "tools"),
    _case(json_schema, "json_schema"),
    _case(streamed_text),
    _case(reasoning, "reasoning"),
    _case(thoughtful_turns, "tools", "reasoning"),
)
"""With the features of the suites that must be there for a case to make sense."""

"""OpenAI's package for Python and its helpers for responses, against a started server of the bundle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from dinrail_sdk.testing import Say, Spoken, ToolUse, Turn

if TYPE_CHECKING:
    from conftest import Scripted

pytestmark = pytest.mark.xdist_group("clients")

MODEL = "up/org/kit-model"
WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
}


class Report(BaseModel):
    """What an answer is parsed into."""

    place: str
    degrees: float


def says(text: str) -> Turn:
    return Turn(script=Spoken(choices=(Say(text=text),)))


def test_the_stream_helper_puts_a_response_together(client: OpenAI, upstream: Scripted) -> None:
    upstream.then(says("Cold and clear."))
    with client.responses.stream(model=MODEL, input="How is it?") as stream:
        deltas = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(deltas) == final.output_text == "Cold and clear."
    assert final.status == "completed"


def test_answers_are_parsed_whole_and_from_a_stream(client: OpenAI, upstream: Scripted) -> None:
    upstream.then(says('{"place":"Oslo","degrees":-3.5}'), says('{"place":"Rome","degrees":20}'))
    parsed = client.responses.parse(model=MODEL, input="?", text_format=Report)
    assert parsed.output_parsed == Report(place="Oslo", degrees=-3.5)
    with client.responses.stream(model=MODEL, input="?", text_format=Report) as stream:
        assert stream.get_final_response().output_parsed == Report(place="Rome", degrees=20)


def test_a_turn_with_a_function_goes_on_from_its_response(client: OpenAI, upstream: Scripted) -> None:
    use = ToolUse(name="weather", arguments='{"place": "Oslo"}', id="call_1")
    upstream.then(Turn(script=Spoken(choices=(Say(text=None, calls=(use,), finish="tool_calls"),))), says("Cold."))
    first = client.responses.create(model=MODEL, input="How is Oslo?", tools=[WEATHER])
    (call,) = first.output
    assert call.type == "function_call"
    output: Any = [{"type": "function_call_output", "call_id": call.call_id, "output": "-3.5"}]
    second = client.responses.create(model=MODEL, input=output, tools=[WEATHER], previous_response_id=first.id)
    assert second.output_text == "Cold."
    assert [message.role for message in upstream.asked[-1].messages] == ["user", "assistant", "tool"]


def test_a_response_of_the_background_is_polled(client: OpenAI, upstream: Scripted) -> None:
    upstream.then(says("Done."))
    made = client.responses.create(model=MODEL, input="?", background=True)
    ends = time.monotonic() + 30
    while made.status in ("queued", "in_progress") and time.monotonic() < ends:
        time.sleep(0.1)
        made = client.responses.retrieve(made.id)
    assert (made.status, made.output_text) == ("completed", "Done.")
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)

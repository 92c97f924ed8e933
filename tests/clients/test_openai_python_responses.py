"""OpenAI's package for Python and its helpers for responses, against a started server of the bundle."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel

from dinrail_sdk.testing import Say, Spoken, ToolUse, Turn, delivery

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


def test_a_stream_of_the_background_is_taken_up_again(client: OpenAI, upstream: Scripted) -> None:
    upstream.then(says("Cold, with a little snow."))
    with client.responses.create(model=MODEL, input="?", background=True, stream=True) as stream:
        head = [event for event, _ in zip(stream, range(4), strict=False)]
    assert head[0].type == "response.created"
    with client.responses.retrieve(head[0].response.id, stream=True, starting_after=3) as stream:
        rest = list(stream)
    assert [event.sequence_number for event in [*head, *rest]] == list(range(len(head) + len(rest)))
    assert rest[-1].type == "response.completed"
    assert rest[-1].response.output_text == "Cold, with a little snow."


def test_a_response_of_the_background_is_cancelled(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(delivery=delivery.stalled())
    made = client.responses.create(model=MODEL, input="?", background=True)
    assert client.responses.cancel(made.id).status == "cancelled"
    assert client.responses.retrieve(made.id).status == "cancelled"


@pytest.mark.filterwarnings("ignore:connect.. must be used:DeprecationWarning")  # of the library below OpenAI's package
def test_turns_follow_each_other_over_a_websocket(client: OpenAI, upstream: Scripted) -> None:
    previous = None

    def turn(text: str, previous: str | None) -> Any:
        fields = {"model": MODEL, "store": False, "input": text, "previous_response_id": previous}
        return {"type": "response.create", **fields}

    with client.responses.connect() as connection:
        for text in ("one", "two"):
            connection.send(turn(text, previous))
            for event in connection:
                if event.type == "response.completed":
                    break
            assert event.type == "response.completed"
            assert event.response.output_text == f"You said: {text}"
            previous = event.response.id
        connection.send(turn("?", "resp_none"))
        error = connection.recv()
    assert error.type == "error"
    assert error.to_dict()["status"] == 400
    assert [message.text for message in upstream.asked[-1].messages] == ["one", "You said: one", "two"]


def test_what_was_asked_is_listed_and_a_history_is_compacted(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken.of("They spoke of Oslo."))
    made = client.responses.create(model=MODEL, input="How is Oslo?")
    (item,) = client.responses.input_items.list(made.id)
    assert item.type == "message"
    compacted: Any = client.responses.compact(model=MODEL, previous_response_id=made.id).to_dict()["output"]
    again = client.responses.create(model=MODEL, input=[*compacted, {"role": "user", "content": "And?"}])
    assert again.status == "completed"
    assert "They spoke of Oslo." in upstream.asked[-1].messages[0].text

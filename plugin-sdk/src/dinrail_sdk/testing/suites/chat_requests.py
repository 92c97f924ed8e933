"""Cases about what of a chat request reaches the upstream."""

from __future__ import annotations

import base64
import json
from typing import Any

from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.operations import COMPLETE, STREAM
from dinrail_sdk.testing.script import AskedMessage, Spoken
from dinrail_sdk.testing.suite import case
from dinrail_sdk.testing.suites.streams import StreamCases

__all__ = ["ChatRequestCases"]

PIXEL = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\nkit").decode()
SOUND = base64.b64encode(b"RIFFkitWAVE").decode()
PAPER = "data:application/pdf;base64," + base64.b64encode(b"%PDF-kit").decode()
INSTRUCTIONS = {"system", "developer"}

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "size": {"type": "integer"}},
    "required": ["city", "size"],
    "additionalProperties": False,
}


class ChatRequestCases(StreamCases):
    """Messages, content parts, formats and settings."""

    @case()
    async def test_chat_conversation(self, bench: Bench) -> None:
        """A conversation reaches the upstream whole: every message, its role, its text, in order.

        Troubleshooting: an upstream without a system role gets instructions elsewhere, but it gets them; messages are
        not merged, cut or reordered.
        """
        sent = [
            ("system", "Be brief."),
            ("user", "Hello."),
            ("assistant", "Hello. What may I do?"),
            ("user", "Count."),
            ("assistant", "One."),
            ("user", "Go on."),
        ]
        for operation in (COMPLETE, STREAM):
            await operation.ask(bench, messages=[{"role": role, "content": text} for role, text in sent])
            got = [(_role(message), message.text) for message in bench.upstream.asked.messages]
            assert got == sent, f"{operation.id}: what arrived is {got}."

    @case("developer_messages")
    async def test_chat_developer_message(self, bench: Bench) -> None:
        """Instructions under the newer role ``developer`` reach the upstream as instructions.

        Troubleshooting: an upstream that does not know the role gets them as ``system``.
        """
        messages = [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hello."}]
        await COMPLETE.ask(bench, messages=messages)
        got = [(_role(message), message.text) for message in bench.upstream.asked.messages]
        assert got == [("system", "Be brief."), ("user", "Hello.")], f"What arrived is {got}."

    @case()
    async def test_chat_text_parts(self, bench: Bench) -> None:
        """Text in parts reaches the upstream with every part, in order, whoever speaks.

        Troubleshooting: ``content`` is a string or a list of parts, in messages of any role.
        """
        parts = [{"type": "text", "text": "One,"}, {"type": "text", "text": "two."}]
        messages = [{"role": role, "content": parts} for role in ("system", "user", "assistant", "user")]
        await COMPLETE.ask(bench, messages=messages)
        texts = ["".join(message.text.split()) for message in bench.upstream.asked.messages]
        assert texts == ["One,two."] * 4, f"What arrived is {texts}."

    @case("images")
    async def test_chat_images(self, bench: Bench) -> None:
        """Images reach the upstream beside the text, in order.

        Troubleshooting: a ``data:`` URL holds the image itself; an upstream that wants bare base64 gets it without the
        prefix, and the dialect of the kit's upstream puts the prefix back.
        """
        parts: list[dict[str, Any]] = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        ]
        message = await self._sent(bench, parts)
        assert message.images == (PIXEL,), f"The images that arrived: {message.images}"
        assert message.text == "What is this?", f"The text beside the image arrived as {message.text!r}."

    @case("audio_input")
    async def test_chat_audio(self, bench: Bench) -> None:
        """Sound reaches the upstream beside the text.

        Troubleshooting: ``input_audio`` has base64 and a format.
        """
        parts: list[dict[str, Any]] = [
            {"type": "text", "text": "Who speaks?"},
            {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}},
        ]
        message = await self._sent(bench, parts)
        assert message.audio == (SOUND,), f"The sound that arrived: {message.audio}"

    @case("file_input")
    async def test_chat_files(self, bench: Bench) -> None:
        """Documents reach the upstream beside the text.

        Troubleshooting: ``file`` has a ``data:`` URL and a name, or an id.
        """
        parts: list[dict[str, Any]] = [
            {"type": "text", "text": "Sum it up."},
            {"type": "file", "file": {"filename": "paper.pdf", "file_data": PAPER}},
        ]
        message = await self._sent(bench, parts)
        assert message.files == (PAPER,), f"The documents that arrived: {message.files}"

    @case("sampling")
    async def test_chat_sampling(self, bench: Bench) -> None:
        """``temperature`` and ``top_p`` reach the upstream, zero included.

        Troubleshooting: test for absence, not for falsehood: a temperature of 0 is a value.
        """
        await self._settings(bench, temperature=0, top_p=0.25)
        await self._settings(bench, temperature=1.5, top_p=1)

    @case("max_tokens")
    async def test_chat_limit(self, bench: Bench) -> None:
        """The token limit reaches the upstream under either of its names.

        Troubleshooting: ``max_completion_tokens`` is the newer name of ``max_tokens``.
        """
        await self._settings(bench, max_tokens=17)
        await COMPLETE.ask(bench, max_tokens=None, max_completion_tokens=19)
        assert bench.upstream.asked.settings.get("max_tokens") == 19, f"{dict(bench.upstream.asked.settings)}"

    @case("stop")
    async def test_chat_stop(self, bench: Bench) -> None:
        """Texts that end the answer reach the upstream, one or several.

        Troubleshooting: ``stop`` is a string or a list.
        """
        await COMPLETE.ask(bench, stop="END")
        assert bench.upstream.asked.settings.get("stop") == ["END"], f"{dict(bench.upstream.asked.settings)}"
        await self._settings(bench, stop=["END", "\n\n"])

    @case("seed")
    async def test_chat_seed(self, bench: Bench) -> None:
        """The seed reaches the upstream.

        Troubleshooting: zero is a seed.
        """
        await self._settings(bench, seed=0)

    @case("penalties")
    async def test_chat_penalties(self, bench: Bench) -> None:
        """Both penalties reach the upstream.

        Troubleshooting: they may be negative.
        """
        await self._settings(bench, presence_penalty=0.5, frequency_penalty=-1)

    @case("tools")
    async def test_chat_of_another_model(self, bench: Bench) -> None:
        """A chat in which another maker's model has spoken goes on: what that has left in the messages fails nothing.

        Nor do marks for a cache that the upstream does not have, fields that are null, and notes of the caller's.

        Troubleshooting: upstreams that refuse unknown fields need them left out, or under their own name
        (``dinrail_sdk.openai.requests``).
        """
        call = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Bern"}'}}
        foreign = {"format": "of-another-maker", "index": 0}
        mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": [{"type": "text", "text": "Be brief.", **mark}]},
            {"role": "user", "content": [{"type": "text", "text": "Bern?", **mark}]},
            {
                "role": "assistant",
                "content": None,
                "refusal": None,
                "audio": None,
                "function_call": None,
                "annotations": [],
                "tool_calls": [call],
                "reasoning_content": "Let me look.",
                "reasoning_details": [{"type": "reasoning.text", "text": "Let me look.", "signature": "s", **foreign}],
                "native_content": {**foreign, "blocks": [{"type": "thinking"}]},
            },
            {"role": "tool", "tool_call_id": "call_a", "content": "sun"},
        ]
        notes: dict[str, Any] = {
            "store": False,
            "user": "u-1",
            "safety_identifier": "s-1",
            "prompt_cache_key": "k-1",
            "metadata": {"job": "7"},
        }
        for operation in (COMPLETE, STREAM):
            await operation.ask(bench, messages=messages, tools=[WEATHER], **notes)
            asked = bench.upstream.asked.messages
            texts = [(_role(message), message.text) for message in asked if message.role != "assistant"]
            assert texts == [("system", "Be brief."), ("user", "Bern?"), ("tool", "sun")], f"{operation.id}: {texts}"
            (said,) = [message for message in asked if message.role == "assistant"]
            assert [made.name for made in said.calls] == ["weather"], f"{operation.id}: the call is lost."

    @case("tools", "thoughts")
    async def test_chat_thoughts(self, bench: Bench) -> None:
        """What a model thought before it called a tool is told to it again, under either of its names.

        Troubleshooting: a server that answers with ``reasoning`` looks for no ``reasoning_content``, and a model that
        does not find its thoughts begins anew after every call.
        """
        call = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
        result = {"role": "tool", "tool_call_id": "call_a", "content": "sun"}
        for name in ("reasoning_content", "reasoning"):
            said = {"role": "assistant", "content": None, "tool_calls": [call], name: "Let me look."}
            messages = [{"role": "user", "content": "Bern?"}, said, result]
            for operation in (COMPLETE, STREAM):
                await operation.ask(bench, messages=messages, tools=[WEATHER])
                told = [message.thoughts for message in bench.upstream.asked.messages if message.role == "assistant"]
                assert told == ["Let me look."], f"{operation.id}: {name} reached the upstream as {told}."

    @case()
    async def test_chat_nothing_made_up(self, bench: Bench) -> None:
        """What the request leaves out is not made up: the upstream has defaults of its own.

        Troubleshooting: dump requests without absent fields; a default in the provider hides the model's.
        """
        bare: dict[str, Any] = {"temperature": None, "seed": None, "max_tokens": None, "metadata": None}
        for operation in (COMPLETE, STREAM):
            await operation.ask(bench, **bare)
            asked = bench.upstream.asked
            made_up = {
                name: asked.settings[name] for name in asked.settings.keys() - bench.upstream.dialect.always_sends
            }
            assert not made_up, f"{operation.id}: settings were made up: {made_up}"
            assert asked.schema is None, f"{operation.id}: a format was made up."
            assert not asked.json_object, f"{operation.id}: a format was made up."
            assert not asked.tools, f"{operation.id}: tools were made up."
            assert asked.n == 1, f"{operation.id}: the upstream was asked for {asked.n} answers."

    @case("json_schema")
    async def test_chat_json_schema(self, bench: Bench) -> None:
        """A JSON schema for the answer reaches the upstream, and the JSON comes back as text.

        Troubleshooting: hand the schema on whole; do not parse the answer.
        """
        text = json.dumps({"city": "Zürich", "size": 447_082}, ensure_ascii=False)
        bench.upstream.says(Spoken.of(text))
        form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
        for operation in (COMPLETE, STREAM):
            heard = operation.hear(await operation.ask(bench, response_format=form))
            assert bench.upstream.asked.schema == SCHEMA, (
                f"{operation.id}: the schema is {bench.upstream.asked.schema}."
            )
            assert heard.first.text == text, f"{operation.id}: the text is {heard.first.text!r}."

    @case("json_object")
    async def test_chat_json_object(self, bench: Bench) -> None:
        """The wish for some JSON object reaches the upstream.

        Troubleshooting: ``response_format`` of type ``json_object``.
        """
        await COMPLETE.ask(bench, response_format={"type": "json_object"})
        assert bench.upstream.asked.json_object, "The upstream was not asked for a JSON object."

    async def _settings(self, bench: Bench, **sent: Any) -> None:
        for operation in (COMPLETE, STREAM):
            await operation.ask(bench, **sent)
            got = {name: bench.upstream.asked.settings.get(name) for name in sent}
            assert got == sent, f"{operation.id}: {sent} reached the upstream as {got}."

    async def _sent(self, bench: Bench, parts: list[dict[str, Any]]) -> AskedMessage:
        await STREAM.ask(bench, messages=[{"role": "user", "content": parts}])
        streamed = bench.upstream.asked.messages[-1]
        await COMPLETE.ask(bench, messages=[{"role": "user", "content": parts}])
        message = bench.upstream.asked.messages[-1]
        assert message == streamed, "Whole and streamed, the message reached the upstream differently."
        return message


def _role(message: AskedMessage) -> str:
    return "system" if message.role in INSTRUCTIONS else message.role

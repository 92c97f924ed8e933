"""How often a model calls the right tool, with arguments that fit: ``python measure_tools.py [MODEL]``.

No test: it takes minutes, and what is good enough is for people to say. The model is one that the provider finds by
itself; it runs on one thread. The README has the figures of the default model.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.hooks import Context
from dinrail_llamacpp.plugin import LlamaCppConfig
from dinrail_llamacpp.provider import LlamaCpp, open_provider
from dinrail_sdk.testing.bench import EmptyRail

TEXT = {"type": "string"}


def function(name: str, description: str, required: Sequence[str], **properties: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


TOOLS = {
    tool["function"]["name"]: tool
    for tool in (
        function(
            "get_weather",
            "Get the current weather in a city",
            ["city"],
            city={"type": "string", "description": "The city"},
            unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
        ),
        function("get_time", "Get the current time in a time zone", ["timezone"], timezone=TEXT),
        function("calculate", "Evaluate an arithmetic expression", ["expression"], expression=TEXT),
        function("send_email", "Send an email to somebody", ["to", "body"], to=TEXT, subject=TEXT, body=TEXT),
        function("search_web", "Search the web for current information", ["query"], query=TEXT),
    )
}
ASKED = {
    "get_weather": [
        "What is the weather in Paris?",
        "Is it raining in London right now?",
        "How warm is it in Tokyo today, in celsius?",
        "Tell me the current weather in Berlin.",
        "Do I need an umbrella in Madrid?",
        "What's the temperature in San Francisco?",
    ],
    "get_time": [
        "What time is it in New York?",
        "Tell me the current time in the zone Asia/Tokyo.",
        "What's the time in Sydney?",
        "Please get the current time in UTC.",
    ],
    "calculate": [
        "What is 123 * 456?",
        "Calculate 17 + 25.",
        "How much is 81 divided by 9?",
        "Please compute (3+4)*5.",
        "Evaluate 2**10.",
    ],
    "send_email": [
        "Send an email to bob@example.com that says hello.",
        "Email alice@example.com about the meeting tomorrow.",
        "Write to carol@example.org: subject Lunch, body See you at noon.",
    ],
    "search_web": [
        "Search the web for the newest Python version.",
        "Look up the latest news about Mars.",
        "Find current information about the election.",
    ],
}
SMALL_TALK = [
    "Hello!",
    "Who are you?",
    "What is the capital of France?",
    "Tell me a joke.",
    "Write a haiku about spring.",
    "Thank you very much.",
    "What is a noun?",
    "Translate 'cat' into French.",
    "Why is the sky blue?",
    "Give me a name for my dog.",
    "Good morning",
    "What is your name?",
    "Explain gravity in one sentence.",
    "Who wrote Hamlet?",
    "I feel sad today.",
    "Tell me something interesting.",
    "What does HTTP stand for?",
    "Write a short poem about the sea.",
    "Is the earth round?",
    "Good bye!",
]
ANSWERED = [
    ("What is the weather in Paris?", "get_weather", {"city": "Paris"}, "18 degrees, sunny", ("18", "sunny")),
    ("How warm is it in Oslo?", "get_weather", {"city": "Oslo"}, '{"temperature": -4, "sky": "snow"}', ("-4", "snow")),
    ("What is 123 * 456?", "calculate", {"expression": "123 * 456"}, "56088", ("56088",)),
    ("Calculate 17 + 25.", "calculate", {"expression": "17 + 25"}, "42", ("42",)),
    ("What time is it in Tokyo?", "get_time", {"timezone": "Asia/Tokyo"}, "09:30", ("09:30",)),
    ("What's the time in Sydney?", "get_time", {"timezone": "Australia/Sydney"}, "half past ten", ("half past ten",)),
    (
        "Send an email to bob@example.com that says hello.",
        "send_email",
        {"to": "bob@example.com", "body": "hello"},
        "The email was sent.",
        ("sent",),
    ),
    ("Who won the election?", "search_web", {"query": "election winner"}, "Maria Gomez won.", ("Gomez",)),
]


class Tally:
    def __init__(self, what: str) -> None:
        self.what = what
        self.tried = self.valid = self.right = 0
        self.began = time.monotonic()

    def told(self) -> str:
        seconds = (time.monotonic() - self.began) / max(1, self.tried)
        return f"{self.what:44} valid {self.valid}/{self.tried}  right {self.right}/{self.tried}  {seconds:.2f} s each"


class Measurement:
    def __init__(self, provider: LlamaCpp, model: str) -> None:
        self.provider = provider
        self.model = model

    async def message(self, **request: Any) -> dict[str, Any]:
        asked = ChatRequest.model_validate({"model": self.model, "max_tokens": 300, **request})
        answer = await self.provider.complete(asked, Call())
        found: dict[str, Any] = json.loads(answer.body)["choices"][0]["message"]
        return found

    async def calls(self, what: str, offered: Sequence[str], **request: Any) -> None:
        """Questions for one of the tools each."""
        tally = Tally(what)
        for name in offered:
            for question in ASKED[name]:
                choice = request.get("tool_choice")
                named = {"type": "function", "function": {"name": name}}
                message = await self.message(
                    messages=[{"role": "user", "content": question}],
                    tools=[TOOLS[one] for one in offered],
                    **{**request, **({"tool_choice": named} if choice == "named" else {})},
                )
                tally.tried += 1
                made = [call["function"] for call in message.get("tool_calls") or ()]
                tally.valid += all(valid(call) for call in made)
                tally.right += bool(made) and made[0]["name"] == name
        print(tally.told(), flush=True)

    async def small_talk(self, what: str, offered: Sequence[str]) -> None:
        """Questions that need no tool."""
        tally = Tally(what)
        for question in SMALL_TALK:
            message = await self.message(
                messages=[{"role": "user", "content": question}],
                tools=[TOOLS[one] for one in offered],
                max_tokens=40,
            )
            tally.tried += 1
            tally.valid += 1
            tally.right += not message.get("tool_calls")
        print(tally.told(), flush=True)

    async def results(self, what: str, offered: Sequence[str]) -> None:
        """Results that are to be told."""
        tally = Tally(what)
        for question, name, arguments, result, told in ANSWERED:
            if name not in offered:
                continue
            call = {"id": "1", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            message = await self.message(
                messages=[
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": None, "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": "1", "content": result},
                ],
                tools=[TOOLS[one] for one in offered],
                max_tokens=60,
                temperature=0,
            )
            tally.tried += 1
            tally.valid += 1
            tally.right += not message.get("tool_calls") and any(one in message["content"] for one in told)
        print(tally.told(), flush=True)


def valid(call: dict[str, Any]) -> bool:
    try:
        jsonschema.validate(json.loads(call["arguments"]), TOOLS[call["name"]]["function"]["parameters"])
    except (ValueError, jsonschema.ValidationError):
        return False
    return True


async def main(model: str) -> None:
    config = LlamaCppConfig.model_validate({"models": {model: {"threads": 1}}})
    with tempfile.TemporaryDirectory() as folder:
        async with open_provider(config, Context("llamacpp", Path(folder), EmptyRail())) as provider:
            measure = Measurement(provider, model)
            every = list(TOOLS)
            for tool in ("get_weather", "calculate"):
                await measure.calls(f"required, one tool ({tool})", [tool], tool_choice="required")
            await measure.calls("required, five tools", every, tool_choice="required")
            await measure.calls("named, five tools", every, tool_choice="named")
            await measure.calls(
                "required, five tools, several calls", every, tool_choice="required", parallel_tool_calls=True
            )
            await measure.calls("auto, one tool (get_weather)", ["get_weather"])
            await measure.calls("auto, five tools", every)
            await measure.small_talk("auto, one tool, none needed", ["get_weather"])
            await measure.small_talk("auto, five tools, none needed", every)
            await measure.results("auto, results told, one tool", ["get_weather"])
            await measure.results("auto, results told, five tools", every)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "smollm2"))

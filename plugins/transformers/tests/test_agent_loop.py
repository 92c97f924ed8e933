"""The agent loop's cases through a model in this process.

What it says cannot be scripted, so it is taught: where a turn is due, the model learns by heart, then and there, to go
on from the very prompt that it was asked with as the case wants it, and generates. Its template, its tokens, how calls
and thoughts are read, streams and counts are all as with any model.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import test_conformance
from openai import AsyncOpenAI
from tiny_models import teach

from dinrail_sdk.testing import Asked, Say, ToolUse, serve
from dinrail_sdk.testing.script import AskedMessage, AskedTool
from dinrail_sdk.testing.suite import Case
from dinrail_transformers.language_model import LanguageModel, Prompt
from dinrail_transformers.requests import Chat

sys.path.insert(0, str(Path(__file__).parents[3] / "tests/providers"))
agent_loop: Any = import_module("agent_loop")  # mypy looks at each folder of tests by itself

if find_spec("torch") is None:
    pytest.skip(
        "NO MODEL IS RUN: torch is not installed here; `make test-transformers` does it", allow_module_level=True
    )

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Pupil(agent_loop.Talk):  # type: ignore[misc]  # see above
    """A model that learns what is due when it is asked."""

    def __init__(self, client: AsyncOpenAI, model: str) -> None:
        self.client = client
        self.model = model
        self._due: Iterator[Say] = iter(())
        self._asked: list[Asked] = []
        self._counts: list[tuple[int, int]] = []

    def says(self, *turns: Say) -> None:
        self._due, self._asked, self._counts = iter(turns), [], []

    @property
    def takes_thoughts(self) -> bool:
        return True

    @property
    def asked(self) -> list[Asked]:
        return self._asked

    def counted(self) -> tuple[int, int]:
        return sum(prompt for prompt, _ in self._counts), sum(answer for _, answer in self._counts)

    def learn(self, model: Any, chat: Chat, prompt: Prompt) -> None:
        """In the model's thread, before it answers."""
        self._asked.append(_asked(chat))
        lesson = model._tokenizer(f"{_written(next(self._due))}<|end|>", add_special_tokens=False)["input_ids"]
        self._counts.append((len(prompt.tokens), len(lesson)))
        teach(model._model, [(list(prompt.tokens), lesson)])


def _written(say: Say) -> str:
    """As the tiny model's template has it."""
    thoughts = f"<think>{say.reasoning}</think>\n\n" if say.reasoning else ""
    return thoughts + (say.text or "") + "".join(map(_call, say.calls))


def _call(call: ToolUse) -> str:
    return f'<tool_call>{{"name": "{call.name}", "arguments": {call.arguments}}}</tool_call>'


def _made(call: Mapping[str, Any]) -> ToolUse:
    function = call["function"]
    return ToolUse(id=call["id"], name=function["name"], arguments=json.dumps(function["arguments"]))


def _asked(chat: Chat) -> Asked:
    """What the template was given, in the kit's words."""
    messages = tuple(
        AskedMessage(
            role=turn["role"],
            text=turn["content"],
            thoughts=turn.get("reasoning_content"),
            calls=tuple(_made(call) for call in turn.get("tool_calls", ())),
            answers=turn.get("tool_call_id"),
        )
        for turn in chat.messages
    )
    tools = tuple(AskedTool(name=tool["function"]["name"]) for tool in chat.tools)
    return Asked(api="chat", model="speaker", messages=messages, tools=tools)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talk(speaker: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pupil]:
    folder = shutil.copytree(speaker, tmp_path_factory.mktemp("pupil"), dirs_exist_ok=True)
    recommended = folder / "generation_config.json"  # who recites must not draw
    recommended.write_text(json.dumps({**json.loads(recommended.read_text()), "do_sample": True, "top_k": 1}))
    models = {"speaker": {"source": str(folder), "max_tokens": 100}}
    config = {"providers": {"local": {"type": "transformers", "models": models, "threads": 1}}}
    async with (
        serve(plugins=["transformers", "database", "responses"], config=config) as served,
        served.openai() as client,
    ):
        yield Pupil(client, "local/speaker")


@pytest.fixture(autouse=True)
def _taught(talk: Pupil, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt_of = LanguageModel.prompt

    def prompt(self: LanguageModel, chat: Chat) -> Prompt:
        found = prompt_of(self, chat)
        talk.learn(self, chat, found)
        return found

    monkeypatch.setattr(LanguageModel, "prompt", prompt)


@pytest.mark.parametrize("this", agent_loop.CASES, ids=lambda this: this.name)
async def test_a_response_is_made(this: Case, talk: Pupil) -> None:
    lacks = test_conformance.TestChats.unsupported
    for feature in this.features & lacks.keys():
        pytest.skip(f"{feature}: {lacks[feature]}")
    await this.body(talk)

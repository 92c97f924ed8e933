"""What a test asks of pydantic-ai."""

from __future__ import annotations

from typing import Any

from program import MODEL, URL, run
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

QUESTION = "How is the weather in Oslo?"
ASKED: list[str] = []
RESPONSES = OpenAIResponsesModel(MODEL, provider=OpenAIProvider(base_url=URL, api_key="none"))


class Report(BaseModel):
    """What an answer is parsed into."""

    place: str
    degrees: float


def weather(place: str) -> str:
    """Tell how cold it is."""
    ASKED.append(place)
    return f"-3 degrees in {place}"


def agent(**fields: Any) -> Any:
    return Agent(RESPONSES, instructions="Be brief.", retries=0, **fields)


async def tools() -> Any:
    result = await agent(tools=[weather]).run(QUESTION)
    return {"answer": result.output, "asked": ASKED, "tokens": result.usage.total_tokens > 0}


async def stream() -> Any:
    async with agent(tools=[weather]).run_stream(QUESTION) as result:
        deltas = [delta async for delta in result.stream_text(delta=True, debounce_by=None)]
    return {"text": "".join(deltas), "several": len(deltas) > 3, "asked": ASKED}


async def native_output() -> Any:
    return (await agent(output_type=NativeOutput(Report)).run(QUESTION)).output.model_dump()


async def tool_output() -> Any:
    return (await agent(output_type=ToolOutput(Report, name="report")).run(QUESTION)).output.model_dump()


async def chain() -> Any:
    first = await agent().run("one")
    settings = {"openai_previous_response_id": "auto"}
    second = await agent().run("two", message_history=first.all_messages(), model_settings=settings)
    return second.output


run({case.__name__: case for case in (tools, stream, native_output, tool_output, chain)})

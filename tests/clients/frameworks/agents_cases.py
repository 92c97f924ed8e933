"""What a test asks of OpenAI's Agents SDK."""

from __future__ import annotations

from typing import Any

from agents import (
    Agent,
    FileSearchTool,
    HostedMCPTool,
    ItemHelpers,
    OpenAIConversationsSession,
    Runner,
    function_tool,
)
from agents.models.openai_responses import OpenAIResponsesModel, OpenAIResponsesWSModel
from openai import AsyncOpenAI
from program import MODEL, MORE, URL, run
from pydantic import BaseModel

CLIENT = AsyncOpenAI(base_url=URL, api_key="none", max_retries=0, timeout=30)
QUESTION = "How is the weather in Oslo?"
ASKED: list[str] = []


class Report(BaseModel):
    """What an answer is parsed into."""

    place: str
    degrees: float


def weather(place: str) -> str:
    """Tell how cold it is.

    Args:
        place: Where.
    """
    ASKED.append(place)
    return f"-3 degrees in {place}"


def agent(*, socket: bool = False, **fields: Any) -> Any:
    kind = OpenAIResponsesWSModel if socket else OpenAIResponsesModel
    return Agent(name="Helper", instructions="Be brief.", model=kind(model=MODEL, openai_client=CLIENT), **fields)


def kinds(result: Any) -> list[str]:
    return [item.type for item in result.new_items]


async def tools() -> Any:
    result = await Runner.run(agent(tools=[function_tool(weather)]), QUESTION)
    return {"answer": result.final_output, "asked": ASKED, "items": kinds(result)}


async def socket() -> Any:
    result = await Runner.run(agent(tools=[function_tool(weather)], socket=True), QUESTION)
    return {"answer": result.final_output, "asked": ASKED, "items": kinds(result)}


async def stream() -> Any:
    result = Runner.run_streamed(agent(tools=[function_tool(weather)]), QUESTION)
    deltas, told = "", []
    async for event in result.stream_events():
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta":
            deltas += event.data.delta
        elif event.type == "run_item_stream_event":
            told.append(event.name)
    return {"answer": result.final_output, "deltas": deltas, "told": told}


async def handoff() -> Any:
    other = agent().clone(name="Meteorologist", handoff_description="Knows the weather.", instructions="Say how it is.")
    result = await Runner.run(agent(handoffs=[other]), QUESTION)
    return {"answer": result.final_output, "last": result.last_agent.name, "items": kinds(result)}


async def structured() -> Any:
    result = await Runner.run(agent(output_type=Report), QUESTION)
    return result.final_output.model_dump()


async def chain() -> Any:
    first = await Runner.run(agent(), "one")
    second = await Runner.run(agent(), "two", previous_response_id=first.last_response_id)
    return second.final_output


async def session() -> Any:
    kept = OpenAIConversationsSession(openai_client=CLIENT)
    await Runner.run(agent(), "one", session=kept)
    await Runner.run(agent(), "two", session=kept)
    items: list[Any] = await kept.get_items()
    return [ItemHelpers.text_message_output(item) if hasattr(item, "raw_item") else item["role"] for item in items]


async def file_search() -> Any:
    tool = FileSearchTool(vector_store_ids=MORE, include_search_results=True)
    result = await Runner.run(agent(tools=[tool]), "When is the tide highest?")
    (call,) = (item.raw_item for item in result.new_items if item.type == "tool_call_item")
    return {"answer": result.final_output, "found": [[one.filename, one.text] for one in call.results]}


def hosted(approval: str) -> dict[str, Any]:
    return {"type": "mcp", "server_label": "sums", "server_url": MORE[0], "require_approval": approval}


async def mcp() -> Any:
    result = await Runner.run(agent(tools=[HostedMCPTool(tool_config=hosted("never"))]), "What is 2 + 3?")
    (call,) = (item.raw_item for item in result.new_items if item.type == "tool_call_item")
    return {"answer": result.final_output, "call": [call.server_label, call.name, call.output]}


async def approval() -> Any:
    asked: list[str] = []

    def approve(request: Any) -> dict[str, bool]:
        asked.append(request.data.name)
        return {"approve": True}

    tool = HostedMCPTool(tool_config=hosted("always"), on_approval_request=approve)
    result = await Runner.run(agent(tools=[tool]), "What is 2 + 3?")
    return {"answer": result.final_output, "asked": asked, "items": kinds(result)}


run(
    {
        case.__name__: case
        for case in (tools, socket, stream, handoff, structured, chain, session, file_search, mcp, approval)
    }
)

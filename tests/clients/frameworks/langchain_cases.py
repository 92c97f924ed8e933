"""What a test asks of LangChain."""

from __future__ import annotations

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_openai import ChatOpenAI
from program import MODEL, URL, run
from pydantic import BaseModel

QUESTION = "How is the weather in Oslo?"
ASKED: list[str] = []


class Report(BaseModel):
    """What an answer is parsed into."""

    place: str
    degrees: float


def weather(place: str) -> str:
    """Tell how cold it is."""
    ASKED.append(place)
    return f"-3 degrees in {place}"


def chat(**fields: Any) -> Any:
    return ChatOpenAI(model=MODEL, base_url=URL, api_key="none", max_retries=0, use_responses_api=True, **fields)


async def invoke() -> Any:
    answer = await chat().ainvoke([("system", "Be brief."), ("user", QUESTION)])
    return {"text": answer.text, "tokens": answer.usage_metadata["total_tokens"]}


async def stream() -> Any:
    pieces = [piece async for piece in chat().astream(QUESTION)]
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    return {"text": whole.text, "tokens": whole.usage_metadata["total_tokens"], "several": len(pieces) > 3}


async def tools() -> Any:
    model = chat(use_previous_response_id=True).bind_tools([weather])
    question = HumanMessage(QUESTION)
    called = await model.ainvoke([question])
    (call,) = called.tool_calls
    answer = await model.ainvoke([question, called, ToolMessage("-3 degrees", tool_call_id=call["id"])])
    return {"call": [call["name"], call["args"]], "answer": answer.text}


async def agent() -> Any:
    state = await create_agent(chat(), [weather]).ainvoke({"messages": [("user", QUESTION)]})
    return {"answer": state["messages"][-1].text, "asked": ASKED}


async def structured() -> Any:
    found = await chat().with_structured_output(Report, method="json_schema", strict=True).ainvoke(QUESTION)
    return found.model_dump()


async def thoughts() -> Any:
    model = chat(
        output_version="responses/v1",
        reasoning={"effort": "low", "summary": "auto"},
        store=False,
        include=["reasoning.encrypted_content"],
    )
    first = await model.ainvoke(QUESTION)
    second = await model.ainvoke([HumanMessage(QUESTION), first, HumanMessage("Sure?")])
    return {"kinds": [block["type"] for block in first.content], "answer": second.text}


run({case.__name__: case for case in (invoke, stream, tools, agent, structured, thoughts)})

"""What a chunk is about, in a line that a model writes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from dinrail_core.api.call import Call
from dinrail_core.api.chat import ChatModel, ChatRequest
from dinrail_core.errors import InvalidRequest
from dinrail_core.hooks import Rail

__all__ = ["check_model", "write_contexts"]

_AT_ONCE = 4
_AROUND = 6_000
"""Characters of the document that the model sees ahead of a chunk and behind it."""
_BEGINNING = 2_000
_LONGEST = 500
_TASK = (
    "You help a search engine. Below are the beginning of a document, a part of it, and one passage out of that part. "
    "Answer with one short sentence that says what the passage is about and where in the document it belongs, naming "
    "what the passage itself only hints at. Answer with the sentence alone."
)


def check_model(model: str | None, param: str) -> str:
    """The model that is to say what chunks are about.

    Raises:
        InvalidRequest: No model is named nor configured.
    """
    if model is None:
        message = "No model is configured that could say what chunks are about; name one as 'model_id'."
        raise InvalidRequest(message, param=f"{param}.contextual.model_id")
    return model


async def write_contexts(document: str, chunks: Sequence[str], model: str | None, rail: Rail, call: Call) -> list[str]:
    """A line for each chunk.

    Raises:
        InvalidRequest: No model is named nor configured.
        ModelNotFound: There is no such model.
        UpstreamError: The model failed.
    """
    target = await rail.resolve(ChatModel, check_model(model, "chunking_strategy"))
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(chunk: str) -> str:
        async with turns:
            request = _request(target.model, document, chunk)
            answer = (await target.provider.complete(request, call)).value
        text = answer.choices[0].message.content if answer.choices else None
        return " ".join((text or "").replace("\0", "").split())[:_LONGEST]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(chunk)) for chunk in chunks]
    return [task.result() for task in tasks]


def _request(model: str, document: str, chunk: str) -> ChatRequest:
    at = max(0, document.find(chunk))
    part = document[max(0, at - _AROUND) : at + len(chunk) + _AROUND]
    said = (
        f"<beginning>\n{document[:_BEGINNING]}\n</beginning>\n\n<part>\n{part}\n</part>\n\n"
        f"<passage>\n{chunk}\n</passage>"
    )
    messages = [{"role": "system", "content": _TASK}, {"role": "user", "content": said}]
    return ChatRequest.model_validate({"model": model, "messages": messages, "max_tokens": 120, "temperature": 0.0})

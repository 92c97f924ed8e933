"""Queries as a model would put them for a search engine."""

from __future__ import annotations

from collections.abc import Sequence

from dinrail_core.api.call import Call
from dinrail_core.api.chat import ChatModel, ChatRequest
from dinrail_core.errors import InvalidRequest, ModelNotFound, NothingServes
from dinrail_core.hooks import Rail

__all__ = ["rewritten"]

_TASK = (
    "You rewrite questions for a search engine over documents. Keep every name, number and term that matters, leave "
    "out politeness and filler, and write no more than one line. Answer with the query alone."
)
_LONGEST = 1_000


async def rewritten(queries: Sequence[str], model: str | None, rail: Rail, call: Call) -> list[str]:
    """Each query rewritten; one of which the model makes nothing stays as it is.

    Raises:
        InvalidRequest: No model is configured for that, or it is not there.
        UpstreamError: The model failed.
    """
    if model is None:
        message = "No model that rewrites queries is configured ('rewrite_model' of the vector stores)."
        raise InvalidRequest(message, param="rewrite_query", code="unsupported_parameter")
    try:
        target = await rail.resolve(ChatModel, model)
    except (ModelNotFound, NothingServes) as error:
        raise _nobody(model) from error
    found = []
    for query in queries:
        messages = [{"role": "system", "content": _TASK}, {"role": "user", "content": query}]
        request = ChatRequest.model_validate(
            {"model": target.model, "messages": messages, "max_tokens": 100, "temperature": 0.0}
        )
        try:
            answer = (await target.provider.complete(request, call)).value
        except ModelNotFound as error:
            raise _nobody(model) from error
        text = (answer.choices[0].message.content if answer.choices else None) or ""
        found.append(" ".join(text.split()).strip("\"'")[:_LONGEST] or query)
    return found


def _nobody(model: str) -> InvalidRequest:
    message = f"The model '{model}', which is configured to rewrite queries, is not there."
    return InvalidRequest(message, param="rewrite_query", code="unsupported_parameter")

"""Requests in the words of watsonx.ai, as IBM's clients of August 2026 have them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.api.rerank import RerankRequest
from dinrail_core.errors import UnsupportedFeature
from dinrail_sdk.openai.ranking import texts_of
from dinrail_sdk.translation import joined_text, parts_of, refuse_fields

__all__ = ["chat_request", "embedding_request", "rerank_request"]

_NOT_THERE = (
    "verbosity",
    "audio",
    "modalities",
    "functions",
    "function_call",
    "web_search_options",
    "prediction",
    "moderation",
)
_AS_IT_IS = (
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "n",
    "presence_penalty",
    "seed",
    "temperature",
    "top_logprobs",
    "top_p",
)
_EFFORTS = {"minimal": "low", "xhigh": "high", "max": "high"}
"""Degrees that watsonx.ai does not have, and what comes nearest."""


def chat_request(request: ChatRequest, where: Mapping[str, str]) -> dict[str, Any]:
    """The body of a chat; fields that OpenAI's dialect does not know (``time_limit``, ``guided_regex``) go along.

    Args:
        request: A chat.
        where: ``project_id`` or ``space_id``.

    Raises:
        InvalidRequest: It asks for something that watsonx.ai has no words for.
    """
    body = request.model_dump()
    refuse_fields(body, _NOT_THERE, "watsonx.ai")
    messages = [_message(message, f"messages.{place}") for place, message in enumerate(body["messages"])]
    sent: dict[str, Any] = {"model_id": request.model, **where, "messages": messages}
    sent |= {name: body[name] for name in _AS_IT_IS if body.get(name) is not None}
    if body.get("stop") is not None:
        sent["stop"] = [body["stop"]] if isinstance(body["stop"], str) else body["stop"]
    if (effort := body.get("reasoning_effort")) is not None:
        sent["reasoning_effort"] = _EFFORTS.get(effort, effort)
    form = body.get("response_format")
    if form is not None and form["type"] != "text":
        sent["response_format"] = form
    return {**sent, **_tools(body), **(request.model_extra or {})}


def embedding_request(request: EmbeddingRequest, where: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The body without its texts, and the texts.

    Raises:
        UnsupportedFeature: There are tokens in place of texts, or a length of the vectors is asked for.
    """
    texts = [request.input] if isinstance(request.input, str) else list(request.input)
    given = [text for text in texts if isinstance(text, str)]
    if len(given) != len(texts):
        raise UnsupportedFeature("watsonx.ai embeds texts, not tokens.", param="input")
    if isinstance(request.dimensions, int):
        raise UnsupportedFeature("Vectors of watsonx.ai have the length that their model has.", param="dimensions")
    return {"model_id": request.model, **where, **(request.model_extra or {})}, given


def rerank_request(request: RerankRequest, where: Mapping[str, str]) -> dict[str, Any]:
    """The body of a ranking; ``parameters`` of the caller's go before what follows from the other fields."""
    own = dict(request.model_extra or {})
    parameters: dict[str, Any] = {}
    if isinstance(request.top_n, int):
        parameters["return_options"] = {"top_n": request.top_n}
    if isinstance(request.max_tokens_per_doc, int):
        parameters["truncate_input_tokens"] = request.max_tokens_per_doc
    given = own.pop("parameters", None)
    parameters |= given if isinstance(given, Mapping) else {}
    told = {"parameters": parameters} if parameters else {}
    inputs = [{"text": text} for text in texts_of(request)]
    return {"model_id": request.model, **where, "query": request.query, "inputs": inputs, **told, **own}


def _message(message: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Content is text everywhere but in what a user says."""
    content = message.get("content")
    named = {"name": message["name"]} if message.get("name") else {}
    match message["role"]:
        case "assistant":
            return {"role": "assistant", **_said(message, where), **named}
        case "tool":
            return {"role": "tool", "tool_call_id": message["tool_call_id"], "content": joined_text(content)}
        case "user" if not isinstance(content, str):
            parts = [_part(part, f"{where}.content.{place}") for place, part in enumerate(parts_of(content))]
            return {"role": "user", "content": parts, **named}
        case "user":
            return {"role": "user", "content": content, **named}
        case "function":
            raise UnsupportedFeature(
                "This provider takes results of tools in messages of the role 'tool'.", param=where
            )
    return {"role": "system", "content": joined_text(content), **named}


def _part(part: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if part["type"] == "file":
        raise UnsupportedFeature("watsonx.ai takes no files in a chat.", param=where)
    return part


def _said(message: Mapping[str, Any], where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    text, calls = joined_text(message.get("content")), message.get("tool_calls") or []
    if text or not (calls or message.get("refusal")):
        found["content"] = text
    if message.get("refusal"):
        found["refusal"] = message["refusal"]
    for place, call in enumerate(calls):
        if call["type"] != "function":
            raise UnsupportedFeature("Models of watsonx.ai call functions alone.", param=f"{where}.tool_calls.{place}")
    if calls:
        found["tool_calls"] = calls
    return found


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    """What is offered, and what is to be called: a word in one field, a function's name in another."""
    offered = body.get("tools") or []
    for place, tool in enumerate(offered):
        if tool["type"] != "function":
            raise UnsupportedFeature("Models of watsonx.ai take functions alone.", param=f"tools.{place}")
    if not offered:
        return {}
    if body.get("parallel_tool_calls") is False:
        raise UnsupportedFeature("watsonx.ai cannot forbid parallel calls.", param="parallel_tool_calls")
    chosen: dict[str, Any] = {}
    match body.get("tool_choice"):
        case str(word):
            chosen = {"tool_choice_option": word}
        case {"type": "function"} as function:
            chosen = {"tool_choice": function}
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}:
            names = {tool["function"]["name"] for tool in tools if isinstance(tool.get("function"), dict)}
            offered = [tool for tool in offered if tool["function"]["name"] in names]
            chosen = {"tool_choice_option": mode}
        case {"type": "custom"}:
            raise UnsupportedFeature("Models of watsonx.ai take functions alone.", param="tool_choice")
    return {"tools": [_tool(tool) for tool in offered], **chosen}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Without ``strict``, which nothing stands for there."""
    function = {key: value for key, value in tool["function"].items() if key != "strict" and value is not None}
    return {"type": "function", "function": function}

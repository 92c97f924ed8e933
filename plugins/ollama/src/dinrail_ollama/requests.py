"""Requests of Ollama's native API, as its description of August 2026 has it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.embeddings import EmbeddingRequest
from dinrail_core.errors import UnsupportedFeature
from dinrail_sdk.translation import arguments_of, joined_text, parts_of, read_data_url, refuse_fields

__all__ = ["Defaults", "chat_request", "embed_request"]

_NOT_THERE = (
    "n",
    "logit_bias",
    "verbosity",
    "audio",
    "modalities",
    "functions",
    "function_call",
    "web_search_options",
    "moderation",
)
_OPTIONS = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "max_tokens": "num_predict",
    "max_completion_tokens": "num_predict",
}
_THINK: Mapping[str, bool | str] = {
    "none": False,
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "max",
    "max": "max",
}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the operator wants in every request.

    Attributes:
        keep_alive: How long a model stays loaded.
        context_length: What it is loaded with, in tokens.
        truncate: Whether what does not fit is cut.
    """

    keep_alive: str | float | None = None
    context_length: int | None = None
    truncate: bool = False


def chat_request(request: ChatRequest, defaults: Defaults, *, stream: bool) -> dict[str, Any]:
    """The body of ``POST /api/chat``; fields that no specification knows go along.

    Raises:
        InvalidRequest: It asks for something that Ollama has no words for.
    """
    body = request.model_dump()
    refuse_fields(body, _NOT_THERE, "Ollama")
    sent: dict[str, Any] = {"model": request.model, "messages": _messages(body["messages"]), "stream": stream}
    tools = _tools(body)
    if tools:
        sent["tools"] = tools
    if body.get("reasoning_effort") is not None:
        sent["think"] = _THINK[body["reasoning_effort"]]
    if body.get("logprobs"):
        sent["logprobs"] = True
        sent |= {"top_logprobs": body["top_logprobs"]} if body.get("top_logprobs") is not None else {}
    form = body.get("response_format") or {"type": "text"}
    if form["type"] != "text":
        sent["format"] = form["json_schema"].get("schema", "json") if form["type"] == "json_schema" else "json"
    options = {theirs: body[ours] for ours, theirs in _OPTIONS.items() if body.get(ours) is not None}
    if body.get("stop") is not None:
        options["stop"] = [body["stop"]] if isinstance(body["stop"], str) else body["stop"]
    return _with(sent, options, defaults, request.model_extra or {})


def embed_request(request: EmbeddingRequest, defaults: Defaults) -> dict[str, Any]:
    """The body of ``POST /api/embed``.

    Raises:
        UnsupportedFeature: The input is tokens.
    """
    texts = [request.input] if isinstance(request.input, str) else list(request.input)
    if not all(isinstance(text, str) for text in texts):
        raise UnsupportedFeature("Ollama embeds texts, not tokens.", param="input")
    sent: dict[str, Any] = {"model": request.model, "input": texts}
    if isinstance(request.dimensions, int):
        sent["dimensions"] = request.dimensions
    return _with(sent, {}, defaults, request.model_extra or {})


def _with(
    sent: dict[str, Any], options: dict[str, Any], defaults: Defaults, extra: Mapping[str, Any]
) -> dict[str, Any]:
    """What the operator wants, and before it what the caller says in Ollama's own words."""
    if defaults.keep_alive is not None:
        sent["keep_alive"] = defaults.keep_alive
    if defaults.context_length is not None:
        options["num_ctx"] = defaults.context_length
    sent["truncate"] = defaults.truncate
    own = extra.get("options")
    options |= own if isinstance(own, Mapping) else {}
    return {**sent, **extra, "options": options} if options else {**sent, **extra}


def _messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names: dict[str, str] = {}
    return [_message(message, f"messages.{place}", names) for place, message in enumerate(messages)]


def _message(message: Mapping[str, Any], where: str, names: dict[str, str]) -> dict[str, Any]:
    """A message; ``names`` holds the functions of the calls before it, by the calls' ids."""
    match message["role"]:
        case "assistant":
            return _said(message, where, names)
        case "tool":
            call = message["tool_call_id"]
            named = {"tool_name": names[call]} if call in names else {}
            return {"role": "tool", "content": _text(message["content"]), "tool_call_id": call, **named}
        case "function":
            return {"role": "tool", "content": message["content"] or "", "tool_name": message["name"]}
        case "user":
            parts = parts_of(message["content"])
            media = [_media(part, f"{where}.content.{at}") for at, part in enumerate(parts) if part["type"] != "text"]
            return {"role": "user", "content": _text(message["content"]), **({"images": media} if media else {})}
    return {"role": "system", "content": _text(message["content"])}


def _said(message: Mapping[str, Any], where: str, names: dict[str, str]) -> dict[str, Any]:
    sent = {"role": "assistant", "content": joined_text(message.get("content") or message.get("refusal"))}
    thought = message.get("reasoning_content") or message.get("reasoning")
    if thought:
        sent["thinking"] = thought
    calls = []
    for place, call in enumerate(message.get("tool_calls") or ()):
        if call["type"] != "function":
            raise UnsupportedFeature("Ollama's models call functions alone.", param=f"{where}.tool_calls.{place}")
        names[call["id"]] = name = call["function"]["name"]
        arguments = arguments_of(call, f"{where}.tool_calls.{place}")
        calls.append({"id": call["id"], "function": {"index": place, "name": name, "arguments": arguments}})
    return {**sent, "tool_calls": calls} if calls else sent


def _text(content: Any) -> str:
    return "\n".join(part["text"] for part in parts_of(content) if part["type"] == "text")


def _media(part: Mapping[str, Any], where: str) -> str:
    """Base64 of an image or a sound; Ollama takes both under one name and fetches nothing itself."""
    match part:
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            data = read_data_url(url, f"{where}.image_url.url")
            if data is None:
                raise UnsupportedFeature("Ollama takes images as data: URLs alone.", param=f"{where}.image_url.url")
            return data.data
        case {"type": "input_audio", "input_audio": {"data": str(sound)}}:
            return sound
    raise UnsupportedFeature(f"Ollama's models take no '{part['type']}'.", param=where)


def _tools(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tools on offer; that one must be called, or one at a time, cannot be said."""
    choice = body.get("tool_choice")
    offered = body.get("tools") or []
    if choice == "none":
        return []
    if isinstance(choice, dict) and choice["type"] == "allowed_tools" and choice["allowed_tools"]["mode"] == "auto":
        allowed = choice["allowed_tools"]["tools"]
        names = {tool["function"]["name"] for tool in allowed if isinstance(tool.get("function"), dict)}
        offered = [tool for tool in offered if tool["type"] == "function" and tool["function"]["name"] in names]
    elif choice not in (None, "auto"):
        raise UnsupportedFeature("Ollama leaves it to the model whether it calls a tool.", param="tool_choice")
    if offered and body.get("parallel_tool_calls") is False:
        raise UnsupportedFeature("Ollama cannot forbid parallel calls.", param="parallel_tool_calls")
    for place, tool in enumerate(offered):
        if tool["type"] != "function":
            raise UnsupportedFeature("Ollama's models take functions alone.", param=f"tools.{place}")
    return [{"type": "function", "function": _function(tool["function"])} for tool in offered]


def _function(function: Mapping[str, Any]) -> dict[str, Any]:
    made = {key: value for key, value in function.items() if key != "strict" and value is not None}
    return {"parameters": {"type": "object", "properties": {}}, **made}

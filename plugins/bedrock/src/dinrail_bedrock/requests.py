"""Chats as requests of Bedrock's ``Converse`` and ``ConverseStream``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from dinrail_bedrock.messages import cache_point, in_turns, instructions
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import UnsupportedFeature
from dinrail_sdk.translation import refuse_fields

__all__ = ["converse_request"]

_NOT_THERE = (
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "presence_penalty",
    "frequency_penalty",
    "verbosity",
    "audio",
    "modalities",
    "functions",
    "function_call",
    "web_search_options",
    "moderation",
)
_TIERS = {"auto": None, "default": "default", "priority": "priority", "flex": "flex"}


def converse_request(request: ChatRequest) -> dict[str, Any]:
    """The body of a request; fields that no specification knows (``guardrailConfig``) go along.

    Raises:
        InvalidRequest: It asks for something that Bedrock has no words for.
    """
    body = request.model_dump()
    refuse_fields(body, _NOT_THERE, "Bedrock's Converse API")
    messages = body["messages"]
    ttl = "1h" if (body.get("prompt_cache_options") or {}).get("ttl") else None
    system, start = instructions(messages, ttl)
    sent: dict[str, Any] = {"messages": in_turns(messages, start, ttl)}
    if system:
        sent["system"] = system
    settings = _settings(body)
    if settings:
        sent["inferenceConfig"] = settings
    sent |= _tools(body, sent["messages"], ttl)
    output = _output(body)
    if output:
        sent["outputConfig"] = output
    tier = body.get("service_tier")
    if tier is not None and tier not in _TIERS:
        raise UnsupportedFeature(f"Bedrock has no service tier '{tier}'.", param="service_tier")
    if tier is not None and _TIERS[tier] is not None:
        sent["serviceTier"] = {"type": _TIERS[tier]}
    return _with(sent, request.model_extra or {})


def _with(sent: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """What the caller says in Bedrock's own words goes before what was made of OpenAI's."""
    for key, value in extra.items():
        both = key in ("inferenceConfig", "outputConfig") and isinstance(value, Mapping)
        sent[key] = {**sent.get(key, {}), **value} if both else value
    return sent


def _settings(body: Mapping[str, Any]) -> dict[str, Any]:
    limit = body.get("max_completion_tokens")
    values = {
        "maxTokens": body.get("max_tokens") if limit is None else limit,
        "temperature": body.get("temperature"),
        "topP": body.get("top_p"),
        "stopSequences": [body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop"),
    }
    return {name: value for name, value in values.items() if value is not None}


def _output(body: Mapping[str, Any]) -> dict[str, Any]:
    """How much effort the model makes, and the form of what it says."""
    found: dict[str, Any] = {}
    effort = body.get("reasoning_effort")
    # Nothing is thought where nobody asks for it.
    if effort is not None and effort != "none":
        found["effort"] = "low" if effort == "minimal" else effort
    form = body.get("response_format") or {"type": "text"}
    if form["type"] == "text":
        return found
    if form["type"] == "json_object" or "schema" not in form["json_schema"]:
        raise UnsupportedFeature(
            "Bedrock's models write JSON by a schema alone; name one in a format of type 'json_schema'.",
            param="response_format",
        )
    named = form["json_schema"]
    about = {key: named[key] for key in ("name", "description") if named.get(key)}
    schema = {"schema": orjson.dumps(named["schema"]).decode(), **about}
    return {**found, "textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _tools(body: Mapping[str, Any], turns: list[dict[str, Any]], ttl: str | None) -> dict[str, Any]:
    choice, offered = body.get("tool_choice"), body.get("tools") or []
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":
        allowed = choice["allowed_tools"]
        names = {tool["function"]["name"] for tool in allowed["tools"] if isinstance(tool.get("function"), dict)}
        offered = [tool for tool in offered if tool["type"] == "function" and tool["function"]["name"] in names]
        choice = allowed["mode"]
    tools: list[dict[str, Any]] = []
    for place, tool in enumerate(offered):
        tools += [_tool(tool, f"tools.{place}"), *cache_point(tool, ttl)]
    if not tools:
        return {}
    if body.get("parallel_tool_calls") is False:
        raise UnsupportedFeature("Bedrock cannot forbid parallel calls.", param="parallel_tool_calls")
    if choice == "none":
        # Bedrock forbids calls by offering nothing, and wants an offer where the conversation has calls.
        if any("toolUse" in block or "toolResult" in block for turn in turns for block in turn["content"]):
            raise UnsupportedFeature("Bedrock cannot forbid calls after there have been some.", param="tool_choice")
        return {}
    chosen = _choice(choice)
    return {"toolConfig": {"tools": tools} | ({"toolChoice": chosen} if chosen else {})}


def _tool(tool: Mapping[str, Any], where: str) -> dict[str, Any]:
    if tool["type"] != "function":
        raise UnsupportedFeature("Bedrock's models take tools with a JSON schema alone.", param=where)
    function = tool["function"]
    made: dict[str, Any] = {"name": function["name"]}
    if function.get("description"):
        made["description"] = function["description"]
    made["inputSchema"] = {"json": function.get("parameters") or {"type": "object", "properties": {}}}
    if function.get("strict"):
        made["strict"] = True
    return {"toolSpec": made}


def _choice(choice: Any) -> dict[str, Any] | None:
    match choice:
        case "required":
            return {"any": {}}
        case "auto":
            return {"auto": {}}
        case {"type": "function", "function": {"name": name}}:
            return {"tool": {"name": name}}
        case None:
            return None
    raise UnsupportedFeature("Bedrock's models cannot be held to a tool of this kind.", param="tool_choice")

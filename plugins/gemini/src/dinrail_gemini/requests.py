"""Requests of the Gemini API (``v1beta``). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import UnsupportedFeature
from dinrail_gemini.contents import in_contents, instructions
from dinrail_sdk.translation import refuse_fields

__all__ = ["generate_request"]

_NOT_THERE = (
    "logit_bias",
    "verbosity",
    "audio",
    "modalities",
    "functions",
    "function_call",
    "moderation",
)
_SETTINGS = {
    "temperature": "temperature",
    "top_p": "topP",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
}
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
"""Tokens for thinking, for models that want a number; Google's own words for these degrees."""
_LEVELS = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "XHIGH", "max": "XHIGH"}
_TIERS = {None: None, "auto": None, "default": "standard", "flex": "flex", "priority": "priority"}
_BUDGETED = ("gemini-2.", "models/gemini-2.")
"""Models that want a number; those since want a level."""


def generate_request(request: ChatRequest) -> dict[str, Any]:
    """The body of ``generateContent`` and ``streamGenerateContent``; fields that no specification knows go along.

    Raises:
        InvalidRequest: It asks for something that Gemini has no words for.
    """
    body = request.model_dump()
    refuse_fields(body, _NOT_THERE, "Gemini")
    sent: dict[str, Any] = {"contents": in_contents(body["messages"])}
    told = instructions(body["messages"])
    if told:
        sent["systemInstruction"] = {"parts": told}
    sent |= _tools(body)
    sent |= _tier(body.get("service_tier"))
    settings = _settings(body, request.model)
    extra = dict(request.model_extra or {})
    own = extra.pop("generationConfig", None)
    settings |= own if isinstance(own, Mapping) else {}
    if settings:
        sent["generationConfig"] = settings
    return sent | extra


def _settings(body: Mapping[str, Any], model: str) -> dict[str, Any]:
    found = {theirs: body[ours] for ours, theirs in _SETTINGS.items() if body.get(ours) is not None}
    if body.get("stop") is not None:
        found["stopSequences"] = [body["stop"]] if isinstance(body["stop"], str) else body["stop"]
    if (body.get("n") or 1) > 1:
        found["candidateCount"] = body["n"]
    if body.get("logprobs"):
        found |= {"responseLogprobs": True, "logprobs": body.get("top_logprobs") or 0}
    form = body.get("response_format") or {"type": "text"}
    if form["type"] != "text":
        found["responseMimeType"] = "application/json"
        if form["type"] == "json_schema" and "schema" in form["json_schema"]:
            found["responseJsonSchema"] = form["json_schema"]["schema"]
    effort = body.get("reasoning_effort")
    if effort is not None:
        found["thinkingConfig"] = _thinking(effort, model)
    return found


def _tier(tier: str | None) -> dict[str, Any]:
    if tier not in _TIERS:
        raise UnsupportedFeature(f"Gemini has no service tier '{tier}'.", param="service_tier")
    return {} if (theirs := _TIERS[tier]) is None else {"serviceTier": theirs}


def _thinking(effort: str, model: str) -> dict[str, Any]:
    """How much the model thinks, in the words that this one takes, and that its thoughts are told."""
    if effort == "none":
        return {"thinkingBudget": 0}
    if model.startswith(_BUDGETED):
        return {"thinkingBudget": _BUDGETS[effort], "includeThoughts": True}
    return {"thinkingLevel": _LEVELS[effort], "includeThoughts": True}


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    offered = body.get("tools") or []
    for place, tool in enumerate(offered):
        if tool["type"] != "function":
            raise UnsupportedFeature("Gemini takes functions alone.", param=f"tools.{place}")
    if offered and body.get("parallel_tool_calls") is False:
        raise UnsupportedFeature("Gemini cannot forbid parallel calls.", param="parallel_tool_calls")
    found: dict[str, Any] = {}
    tools: list[dict[str, Any]] = []
    if offered:
        tools.append({"functionDeclarations": [_declared(tool["function"]) for tool in offered]})
        chosen = _choice(body.get("tool_choice"))
        if chosen is not None:
            found["toolConfig"] = {"functionCallingConfig": chosen}
    if (search := body.get("web_search_options")) is not None:
        if search.get("filters"):
            raise UnsupportedFeature("Gemini's search looks everywhere.", param="web_search_options.filters")
        tools.append({"googleSearch": {}})
    return {"tools": tools, **found} if tools else {}


def _declared(function: Mapping[str, Any]) -> dict[str, Any]:
    made = {"name": function["name"]}
    if function.get("description"):
        made["description"] = function["description"]
    if function.get("parameters"):
        made["parametersJsonSchema"] = function["parameters"]
    return made


def _choice(choice: Any) -> dict[str, Any] | None:
    match choice:
        case None:
            return None
        case "auto" | "none":
            return {"mode": choice.upper()}
        case "required":
            return {"mode": "ANY"}
        case {"type": "function", "function": {"name": str(name)}}:
            return {"mode": "ANY", "allowedFunctionNames": [name]}
        case {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}:
            names = [tool["function"]["name"] for tool in tools if isinstance(tool.get("function"), dict)]
            return {"mode": "ANY" if mode == "required" else "VALIDATED", "allowedFunctionNames": names}
    raise UnsupportedFeature("Gemini cannot be held to a tool of this kind.", param="tool_choice")

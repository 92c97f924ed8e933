"""Chats as requests of Anthropic's Messages API (version 2023-06-01). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dinrail_anthropic.messages import cache_mark, in_turns, instructions
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import UnsupportedFeature
from dinrail_sdk.translation import refuse_fields

__all__ = ["EFFORTS", "Abilities", "messages_request"]

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
    "moderation",
)
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 32_768}
"""Tokens for thinking, for models that want a number; the least that Anthropic takes is 1024."""

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""Degrees of effort, ascending."""

_TIERS = {"auto": "auto", "priority": "auto", "fast": "auto", "default": "standard_only"}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a model can do, as far as Anthropic's list of models tells.

    Attributes:
        adaptive: It decides itself how much.
        budgeted: It takes a number of tokens.
        effort: It takes a degree of effort.
        efforts: Which; those that it has not are replaced by the next lower one.
        most: The most tokens that it generates; ``None`` where that is not told.
    """

    adaptive: bool = True
    budgeted: bool = False
    effort: bool = True
    efforts: frozenset[str] = frozenset(EFFORTS)
    most: int | None = None


def messages_request(request: ChatRequest, *, max_tokens: int, stream: bool, abilities: Abilities) -> dict[str, Any]:
    """The body of ``POST /v1/messages``; fields that no specification knows go along.

    Args:
        request: The chat.
        max_tokens: The limit where the request has none, unless the model generates fewer.
        stream: Whether a stream is wanted.
        abilities: Of the model.

    Raises:
        InvalidRequest: It asks for something that Anthropic has no words for.
    """
    body = request.model_dump()
    refuse_fields(body, _NOT_THERE, "Anthropic's Messages API")
    messages = body["messages"]
    ttl = "1h" if (body.get("prompt_cache_options") or {}).get("ttl") else None
    system, start = instructions(messages, ttl)
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    if limit is None:
        limit = min(max_tokens, abilities.most or max_tokens)
    sent: dict[str, Any] = {
        "model": request.model,
        "max_tokens": limit,
        "messages": in_turns(messages, start, ttl),
    }
    if system:
        sent["system"] = system
    if stream:
        sent["stream"] = True
    sent |= {key: body[key] for key in ("temperature", "top_p") if body.get(key) is not None}
    if body.get("stop") is not None:
        sent["stop_sequences"] = [body["stop"]] if isinstance(body["stop"], str) else body["stop"]
    sent |= _tools(body, ttl) | _whose(body) | _thinking(body, abilities, sent["max_tokens"])
    if (body.get("prompt_cache_options") or {}).get("mode") == "implicit":
        sent["cache_control"] = {"type": "ephemeral"} | ({"ttl": ttl} if ttl else {})
    form = _form(body.get("response_format"))
    if form:
        sent["output_config"] = {**sent.get("output_config", {}), "format": form}
    return _with(sent, request.model_extra or {})


def _with(sent: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """What the caller says in Anthropic's own words goes before what was made of OpenAI's."""
    for key, value in extra.items():
        both = key == "output_config" and isinstance(value, Mapping)
        sent[key] = {**sent.get(key, {}), **value} if both else value
    return sent


def _tools(body: Mapping[str, Any], ttl: str | None) -> dict[str, Any]:
    choice, offered = body.get("tool_choice"), body.get("tools") or []
    if isinstance(choice, dict) and choice["type"] == "allowed_tools":
        offered, choice = _allowed(offered, choice["allowed_tools"]), choice["allowed_tools"]["mode"]
    tools = [_tool(tool, f"tools.{place}", ttl) for place, tool in enumerate(offered)]
    if body.get("web_search_options") is not None:
        tools.append(_search(body["web_search_options"]))
    if not tools:
        return {}
    chosen = _choice(choice)
    if body.get("parallel_tool_calls") is False and chosen != {"type": "none"}:
        chosen = {"type": "auto", **(chosen or {}), "disable_parallel_tool_use": True}
    return {"tools": tools, "tool_choice": chosen} if chosen else {"tools": tools}


def _allowed(offered: Sequence[Mapping[str, Any]], allowed: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    names = {tool["function"]["name"] for tool in allowed["tools"] if isinstance(tool.get("function"), dict)}
    return [tool for tool in offered if tool["type"] == "function" and tool["function"]["name"] in names]


def _tool(tool: Mapping[str, Any], where: str, ttl: str | None) -> dict[str, Any]:
    if tool["type"] != "function":
        raise UnsupportedFeature("Anthropic's models take tools with a JSON schema alone.", param=where)
    function = tool["function"]
    made: dict[str, Any] = {"name": function["name"]}
    if function.get("description"):
        made["description"] = function["description"]
    made["input_schema"] = function.get("parameters") or {"type": "object", "properties": {}}
    if function.get("strict"):
        made["strict"] = True
    own = {key: value for key, value in tool.items() if key not in ("type", "function", "prompt_cache_breakpoint")}
    return {**made, **own, **cache_mark(tool, ttl)}


def _search(options: Mapping[str, Any]) -> dict[str, Any]:
    place = (options.get("user_location") or {}).get("approximate")
    near = {"user_location": {"type": "approximate", **place}} if place else {}
    filters = options.get("filters") or {}
    within = {name: filters[name] for name in ("allowed_domains", "blocked_domains") if filters.get(name)}
    return {"type": "web_search_20250305", "name": "web_search", **near, **within}


def _choice(choice: Any) -> dict[str, Any] | None:
    match choice:
        case "required":
            return {"type": "any"}
        case "auto" | "none":
            return {"type": choice}
        case {"type": "function", "function": {"name": name}}:
            return {"type": "tool", "name": name}
        case None:
            return None
    raise UnsupportedFeature("Anthropic's models cannot be held to a tool of this kind.", param="tool_choice")


def _whose(body: Mapping[str, Any]) -> dict[str, Any]:
    """On whose behalf, and in which tier."""
    found: dict[str, Any] = {}
    user = body.get("safety_identifier") or body.get("user")
    if user:
        found["metadata"] = {"user_id": user}
    tier = body.get("service_tier")
    if tier is not None:
        if tier not in _TIERS:
            raise UnsupportedFeature(f"Anthropic has no service tier '{tier}'.", param="service_tier")
        found["service_tier"] = _TIERS[tier]
    return found


def _thinking(body: Mapping[str, Any], abilities: Abilities, max_tokens: int) -> dict[str, Any]:
    """How much the model thinks, in the words that this one takes."""
    effort = body.get("reasoning_effort")
    if effort is None:
        return {}
    if effort == "none":
        return {"thinking": {"type": "disabled"}}
    if not (abilities.adaptive or abilities.budgeted or abilities.effort):
        raise UnsupportedFeature("This model does not think before it answers.", param="reasoning_effort")
    found: dict[str, Any] = {}
    if abilities.effort:
        found["output_config"] = {"effort": _effort(effort, abilities.efforts)}
    if abilities.adaptive:
        # Models since Opus 4.7 sign their thoughts and leave the text out, unless one asks for it.
        found["thinking"] = {"type": "adaptive", "display": "summarized"}
    elif abilities.budgeted:
        # Thoughts count among the generated tokens, and something must be left for the answer.
        budget = min(_BUDGETS[effort], max_tokens - max(1, max_tokens // 4))
        found["thinking"] = {"type": "enabled", "budget_tokens": max(_BUDGETS["minimal"], budget)}
    return found


def _effort(wanted: str, there: frozenset[str]) -> str:
    level = EFFORTS.index("low" if wanted == "minimal" else wanted)
    return next((effort for effort in reversed(EFFORTS[: level + 1]) if effort in there), EFFORTS[level])


def _form(form: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if form is None or form["type"] == "text":
        return None
    if form["type"] == "json_object" or "schema" not in form["json_schema"]:
        raise UnsupportedFeature(
            "Anthropic's models write JSON by a schema alone; name one in a format of type 'json_schema'.",
            param="response_format",
        )
    return {"type": "json_schema", "schema": form["json_schema"]["schema"]}

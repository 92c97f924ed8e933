"""From a request to what is to be done: everything is checked here, before a model is asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from dinrail_core.api.call import Call
from dinrail_core.api.conversations import Conversations
from dinrail_core.api.items.keeping import PREFIXES, keep
from dinrail_core.api.items.reasoning import CompactionTrigger
from dinrail_core.api.items.unions import ItemReference
from dinrail_core.api.responses import CreateResponse
from dinrail_core.errors import InvalidRequest, NotFound, UnsupportedFeature
from dinrail_core.hooks.context import Rail
from dinrail_responses.prompting import prompted
from dinrail_responses.sealed import SEALED
from dinrail_responses.store import Link, Store
from dinrail_responses.tools.interface import Json
from dinrail_sdk.sql.ids import new_id

__all__ = ["Before", "Plan", "Planner", "check", "check_approvals", "item_id", "response_id", "to_be_told"]

_SECRETS = ("authorization", "headers")
_OTHER_PREFIXES = {"call": "call_"}


def item_id(kind: str) -> str:
    """An id for a new item, given its type."""
    return new_id(PREFIXES.get(kind) or _OTHER_PREFIXES.get(kind) or f"{kind}_")


def response_id(call: Call) -> str:
    """The id of the response that a call makes."""
    return new_id("resp_", call.seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What was said before a response.

    Attributes:
        items: Items, the oldest first.
        parent: The response that this one goes on from.
    """

    items: Sequence[Json] = ()
    parent: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A response that is to be made.

    Attributes:
        asked: The request as JSON, secrets included: never kept. Its tools are those too that items of the history add.
        response: The response without its output, as it begins.
        lead: Instructions and the stored prompt, as items that count for this response alone.
        before: What was said before.
        input: The response's own input, as items.
        include: What the caller asked to be told.
        compacts: The history is to be compacted, and no more.
        store: Whether it is kept.
        conversation_id: The conversation that it belongs to.
        call: On whose behalf; without its seed, of which the response is made and nothing else that is made on the way.
        seed: That seed.
        rail: Where tools are found.
        models: Where models are found that the caller may use.
    """

    asked: Json
    response: Json
    lead: Sequence[Json]
    before: Before
    input: Sequence[Json]
    include: frozenset[str]
    compacts: bool
    store: bool
    conversation_id: str | None
    call: Call
    seed: str | None
    rail: Rail
    models: Rail

    @property
    def history(self) -> list[Json]:
        """What was said before, and the input; what was compacted is left out."""
        items = [*self.before.items, *self.input]
        kept = len(self.before.items)
        begin = max((n for n, item in enumerate(items) if _is_left(item, given=n >= kept)), default=0)
        return items[begin:]

    @property
    def items(self) -> list[Json]:
        """All that the model is told."""
        return [*self.lead, *self.history]


class Planner:
    """Makes plans.

    Args:
        rail: Where services are found.
        store: The responses that there are.
    """

    def __init__(self, rail: Rail, store: Store) -> None:
        self._rail = rail
        self._store = store

    async def plan(self, request: CreateResponse, call: Call, before: Before | None = None) -> Plan:
        """Check a request, and gather what it refers to.

        Args:
            request: The request.
            call: On whose behalf.
            before: What was said before, where that is not for the store to say.

        Raises:
            InvalidRequest: The request contradicts itself, or an item is not usable.
            NotFound: Something that it names is not there.
        """
        asked: Json = request.model_dump(mode="json")
        conversation_id = _conversation_id(asked)
        previous = asked.get("previous_response_id") if before is None else None
        store = asked.get("store") is not False
        check(asked)
        given = await self.items_of(request, call)
        if before is None:
            before = await self._before(previous, conversation_id, call)
        lead = await self._lead(asked, call)
        if not given and not lead and not before.items:
            raise InvalidRequest(
                "Missing required parameter: 'input'.", param="input", code="missing_required_parameter"
            )
        return Plan(
            asked=_with_added_tools(asked, [*before.items, *given]),
            response=_begun(asked, response_id(call), conversation_id, store),
            lead=lead,
            before=before,
            input=given,
            include=frozenset(asked.get("include") or ()),
            compacts=_is_trigger(request.input),
            store=store,
            conversation_id=conversation_id,
            call=call if call.seed is None else replace(call, seed=None),
            seed=call.seed,
            rail=self._rail,
            models=self._rail if call.may_use is None else self._rail.limited_to(call.may_use),
        )

    async def items_of(self, request: CreateResponse, call: Call) -> list[Json]:
        """A request's input as items with ids; references replaced by what they stand for.

        Raises:
            InvalidRequest: An item is not usable; ``param`` is ``input.N.…``.
            NotFound: A reference leads nowhere.
        """
        given = request.input
        if isinstance(given, str):
            content = [{"type": "input_text", "text": given}]
            message = {"type": "message", "id": item_id("message"), "role": "user", "status": "completed"}
            return [{**message, "content": content}]
        if not isinstance(given, list):
            return []
        references = {item.id: n for n, item in enumerate(given) if isinstance(item, ItemReference)}
        found = await self._find(references, call) if references else {}
        items = []
        for number, item in enumerate(given):
            if isinstance(item, CompactionTrigger) and number == len(given) - 1:
                break
            if isinstance(item, ItemReference):
                items.append(found[item.id])
                continue
            try:
                items.append(keep(item, new_id).model_dump(mode="json"))
            except InvalidRequest as error:
                raise InvalidRequest(error.message, param=f"input.{number}.{error.param}") from None
        return items

    async def _find(self, references: dict[str, int], call: Call) -> dict[str, Json]:
        found = dict(await self._store.find_items(references, call))
        missing = [name for name in references if name not in found]
        if missing and self._rail.provides(Conversations):
            conversations = await self._rail.service(Conversations)
            more = await conversations.find_items(missing, call)
            found |= {name: item.model_dump(mode="json") for name, item in more.items()}
        for name, number in references.items():
            if name not in found:
                raise NotFound(f"Item with id '{name}' not found.", param=f"input.{number}.id")
        return found

    async def _before(self, previous: str | None, conversation_id: str | None, call: Call) -> Before:
        if previous is not None:
            parent, items = await self._store.history(previous, call)
            return Before(items=items, parent=parent)
        if conversation_id is None:
            return Before()
        conversations = await self._rail.service(Conversations)
        try:
            async with aclosing(conversations.history(conversation_id, call)) as log:
                return Before(items=[item.model_dump(mode="json") async for item in log])
        except NotFound as error:
            raise NotFound(error.message, param="conversation") from None

    async def _lead(self, asked: Json, call: Call) -> list[Json]:
        lead: list[Json] = []
        if asked.get("instructions"):
            content = [{"type": "input_text", "text": asked["instructions"]}]
            lead.append({"type": "message", "id": "", "role": "system", "status": "completed", "content": content})
        if asked.get("prompt"):
            lead += await prompted(asked["prompt"], self._rail, call)
        return lead


def check_approvals(plan: Plan) -> None:
    """See that calls that the input approves can be made.

    Raises:
        InvalidRequest: The request does not have the MCP server of one, or nobody has asked about it.
    """
    items = [*plan.before.items, *plan.input]
    servers = {tool["server_label"] for tool in plan.asked.get("tools") or () if tool["type"] == "mcp"}
    asked = {item["id"]: item["server_label"] for item in items if item["type"] == "mcp_approval_request"}
    made = {item.get("approval_request_id") for item in items if item["type"] == "mcp_call"}
    for item in plan.input:
        if item["type"] != "mcp_approval_response" or item["approval_request_id"] in made:
            continue
        label = asked.get(item["approval_request_id"])
        if label is None:
            raise InvalidRequest(
                f"There is no mcp_approval_request '{item['approval_request_id']}' in what came before.", param="input"
            )
        if item["approve"] and label not in servers:
            raise InvalidRequest(
                f"An approved call needs its MCP server among the tools, which is '{label}'.", param="tools"
            )


def to_be_told(tool: Json) -> Json:
    """A tool as a response tells it: whole, and without secrets.

    Many MCP servers are given a key in the query of their URL, so that is not told either.
    """
    told = {name: value for name, value in tool.items() if name not in _SECRETS}
    if tool["type"] == "mcp" and tool.get("server_url"):
        told["server_url"] = tool["server_url"].partition("?")[0]
    if tool["type"] == "function":
        told = {"description": None, "parameters": None, "strict": None, **told}
    for place in ("container", "environment"):
        container = told.get(place)
        policy = container.get("network_policy") if isinstance(container, dict) else None
        if container and isinstance(policy, dict) and "domain_secrets" in policy:
            without = {name: value for name, value in policy.items() if name != "domain_secrets"}
            told[place] = {**container, "network_policy": without}
    return told


def _with_added_tools(asked: Json, history: Sequence[Json]) -> Json:
    """The request with the tools that items add to it; one that is said twice is there once.

    Those of the request's own items come first: what is kept of them, as of all history, is without secrets.
    """
    added = [*_added_by(asked.get("input")), *_added_by(history)]
    if not added:
        return asked
    tools = list(asked.get("tools") or ())
    for tool in added:
        if all(_said(tool) != _said(other) for other in tools):
            tools.append(tool)
    return {**asked, "tools": tools}


def _added_by(items: object) -> list[Json]:
    if not isinstance(items, (list, tuple)):
        return []
    return [tool for item in items if item.get("type") == "additional_tools" for tool in item["tools"]]


def _said(tool: Json) -> Json:
    return {name: value for name, value in to_be_told(tool).items() if value is not None}


def _is_trigger(given: object) -> bool:
    return isinstance(given, list) and bool(given) and isinstance(given[-1], CompactionTrigger)


def _is_left(item: Json, *, given: bool) -> bool:
    """Whether an item is what is left of all that stands before it.

    What an upstream has compacted on request are several items, and the caller says which of them to go on from.
    """
    return item["type"] == "compaction" and (not given or item["encrypted_content"].startswith(SEALED))


def _conversation_id(asked: Json) -> str | None:
    given = asked.get("conversation")
    return given["id"] if isinstance(given, dict) else given


def check(asked: Json) -> None:
    """See that a request does not contradict itself.

    Raises:
        InvalidRequest: It does.
    """
    if asked.get("previous_response_id") is not None and asked.get("conversation") is not None:
        raise InvalidRequest(
            "A request has a 'previous_response_id' or a 'conversation', not both.", param="conversation"
        )
    policy = (asked.get("moderation") or {}).get("policy") or {}
    if asked.get("background") and (policy.get("output") or {}).get("mode") == "block":
        raise UnsupportedFeature(
            "The output of the background is kept as it is made, and cannot be blocked.",
            param="moderation.policy.output",
        )
    if asked.get("background") and asked.get("store") is False:
        raise InvalidRequest("What is made in the background has to be stored.", param="background")
    tools = [*(asked.get("tools") or ()), *_added_by(asked.get("input"))]
    if asked.get("background") and any(tool.get(secret) for tool in tools for secret in _SECRETS):
        raise InvalidRequest(
            "Secrets are never kept, so a tool with 'authorization' or 'headers' cannot be used in the background.",
            param="background",
        )


def _begun(asked: Json, response_id: str, conversation_id: str | None, store: bool) -> Json:
    """A response as it begins, with every key of the specifications."""
    text = asked.get("text") or {}
    reasoning = asked.get("reasoning") or {}
    told: Json = {
        "id": response_id,
        "object": "response",
        "created_at": int(time.time()),
        "completed_at": None,
        "status": "queued" if asked.get("background") else "in_progress",
        "background": bool(asked.get("background")),
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"),
        "max_tool_calls": asked.get("max_tool_calls"),
        "model": asked["model"],
        "output": [],
        "parallel_tool_calls": asked.get("parallel_tool_calls") is not False,
        "previous_response_id": asked.get("previous_response_id"),
        "prompt": asked.get("prompt"),
        "prompt_cache_key": asked.get("prompt_cache_key"),
        "reasoning": {"effort": None, "summary": None, **reasoning},
        "safety_identifier": asked.get("safety_identifier"),
        "service_tier": asked.get("service_tier") or "default",
        "store": store,
        "temperature": _or(asked.get("temperature"), 1.0),
        "text": {**text, "format": _format(text.get("format"))},
        "tool_choice": asked.get("tool_choice") or "auto",
        "tools": [to_be_told(tool) for tool in asked.get("tools") or ()],
        "top_logprobs": asked.get("top_logprobs") or 0,
        "top_p": _or(asked.get("top_p"), 1.0),
        "presence_penalty": _or(asked.get("presence_penalty"), 0.0),
        "frequency_penalty": _or(asked.get("frequency_penalty"), 0.0),
        "truncation": asked.get("truncation") or "disabled",
        "usage": None,
        "metadata": asked.get("metadata") or {},
    }
    if told["text"].get("verbosity", ...) is None:
        del told["text"]["verbosity"]
    if conversation_id is not None:
        told["conversation"] = {"id": conversation_id}
    if asked.get("moderation") is not None:
        told["moderation"] = None
    for name in ("user", "prompt_cache_options", "prompt_cache_retention"):
        if asked.get(name) is not None:
            told[name] = asked[name]
    return told


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _format(given: Json | None) -> Json:
    if not given:
        return {"type": "text"}
    if given["type"] == "json_schema":
        return {"description": None, **given, "strict": bool(given.get("strict"))}
    return given

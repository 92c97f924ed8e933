"""Compacting histories: what matters of them, in a model's words and under the server's seal."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from pydantic_core import from_json, to_json

from dinrail_core.api.call import Principal
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import UnsupportedFeature, UpstreamInvalid
from dinrail_responses.chat import settings
from dinrail_responses.chat_messages import Scene, as_messages
from dinrail_responses.plan import Before, Plan, item_id
from dinrail_responses.scribe import Scribe
from dinrail_responses.tools.interface import Json
from dinrail_responses.usage import UsageSum
from dinrail_sdk.sql.ids import new_id

__all__ = ["Compacting", "Compactor", "Runs", "too_long"]

_ASK = (
    "Sum up everything above for somebody who will go on with it and cannot read it: what the user wants, what was "
    "decided, facts, names, numbers and results of tools that still matter, and what is left to do. Answer with the "
    "summary alone."
)
_CHARACTERS_A_TOKEN = 4


def too_long(plan: Plan) -> bool:
    """Whether the request's history is longer than it wants it to be; a token is taken for four characters."""
    wanted = [entry.get("compact_threshold") for entry in plan.asked.get("context_management") or ()]
    limits = [limit for limit in wanted if limit is not None]
    return bool(limits) and len(to_json(plan.items)) > min(limits) * _CHARACTERS_A_TOKEN


class Compactor:
    """Compacts histories, and counts their tokens.

    Args:
        scene: Says how a plan's items are understood.
        seal: Encrypts what is left.
    """

    def __init__(self, scene: Callable[[Plan], Awaitable[Scene]], seal: Callable[[str, Principal], str]) -> None:
        self._scene = scene
        self._seal = seal

    async def count(self, plan: Plan) -> int:
        """How many tokens a plan's input has: the model's server counts them for an answer of one token.

        Raises:
            UnsupportedFeature: It does not tell.
        """
        _, usage = await self._ask(plan, [], limit=1)
        if not usage or not isinstance(usage.get("prompt_tokens"), int):
            raise UnsupportedFeature("This model's server does not tell how many tokens an input has.", param="model")
        counted: int = usage["prompt_tokens"]
        return counted

    async def compacted(self, plan: Plan) -> Json:
        """The answer of ``/v1/responses/compact``."""
        item, usage = await self.item(plan)
        total = UsageSum()
        total.add(usage)
        nothing = {
            "input_tokens": 0,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 0,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 0,
        }
        return {
            "id": new_id("resp_"),
            "object": "response.compaction",
            "created_at": int(time.time()),
            "output": [item],
            "usage": total.told() or nothing,
        }

    async def item(self, plan: Plan) -> tuple[Json, Json | None]:
        """What is left of a plan's history, as an item, and what that took."""
        text, usage = await self._ask(plan, [{"role": "user", "content": _ASK}], limit=None)
        sealed = self._seal(text, plan.call.principal)
        return {"type": "compaction", "id": item_id("compaction"), "encrypted_content": sealed}, usage

    async def shortened(self, plan: Plan, scribe: Scribe) -> tuple[Plan, Json | None]:
        """A plan whose history is compacted, its own input aside, and what that took; the item is written down.

        What was compacted before a kill is not compacted again.
        """
        item = next((item for item in scribe.output if item["type"] == "compaction"), None)
        usage = None
        if item is None:
            item, usage = await self.item(plan)
            pen = scribe.pen()
            pen.added(item)
            pen.done(item)
        return replace(plan, before=Before(items=[item], parent=plan.before.parent)), usage

    async def _ask(self, plan: Plan, more: list[Json], limit: int | None) -> tuple[str, Json | None]:
        target = await plan.rail.resolve(ChatModel, plan.asked["model"])
        messages = as_messages(plan.items, await self._scene(plan))
        asked = {name: plan.asked[name] for name in ("service_tier", "prompt_cache_key") if plan.asked.get(name)}
        body = {**settings(asked, target.model), "messages": [*messages, *more]}
        if limit is not None:
            body["max_completion_tokens"] = limit
        answer = await target.provider.complete(ChatRequest.model_validate(body), plan.call)
        found = from_json(answer.body)
        try:
            return found["choices"][0]["message"].get("content") or "", found.get("usage")
        except (AttributeError, IndexError, KeyError, TypeError) as error:
            raise UpstreamInvalid("The upstream's answer has not the shape of one.") from error


class Runs(Protocol):
    """Makes a response; see :meth:`Loop.run`."""

    def run(self) -> AsyncGenerator[None, None]:
        """Make it."""


class Compacting:
    """Makes a response that is nothing but its history, compacted.

    Args:
        compactor: Compacts it.
        plan: The plan.
        scribe: Where it is written.
    """

    def __init__(self, compactor: Compactor, plan: Plan, scribe: Scribe) -> None:
        self._compactor = compactor
        self._plan = plan
        self._scribe = scribe

    async def run(self) -> AsyncGenerator[None, None]:
        """See :meth:`Loop.run`."""
        _, usage = await self._compactor.shortened(self._plan, self._scribe)
        total = UsageSum()
        total.add(usage)
        self._scribe.response["usage"] = total.told()
        self._scribe.end("completed")
        yield

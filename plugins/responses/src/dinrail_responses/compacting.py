"""Compacting histories: what matters of them, in a model's words and under the server's seal."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from pydantic_core import to_json

from dinrail_core.api.call import Principal
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
    """Compacts histories.

    Args:
        ask: What the model says to a plan without tools, and what that took.
        seal: Encrypts what is left.
    """

    def __init__(
        self, ask: Callable[[Plan], Awaitable[tuple[str, Json | None]]], seal: Callable[[str, Principal], str]
    ) -> None:
        self._ask = ask
        self._seal = seal

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
        text, usage = await self._ask(_asking(plan))
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


def _asking(plan: Plan) -> Plan:
    """A plan that asks for a summary of all there is."""
    asked = {name: plan.asked[name] for name in ("model", "service_tier", "prompt_cache_key") if plan.asked.get(name)}
    content = [{"type": "input_text", "text": _ASK}]
    question = {"type": "message", "id": "", "role": "user", "status": "completed", "content": content}
    return replace(plan, asked=asked, input=[*plan.input, question], include=frozenset(), compacts=False)


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

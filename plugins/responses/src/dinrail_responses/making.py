"""Setting up the loop for a plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dinrail_core.api.call import Principal
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.errors import UnsupportedFeature
from dinrail_responses.attachments import Attachments
from dinrail_responses.chat import ChatSpeaker, settings
from dinrail_responses.chat_messages import Scene, as_messages
from dinrail_responses.citations import Citations
from dinrail_responses.compacting import Compacting, Compactor, Runs, too_long
from dinrail_responses.loop import Bounds, Ledger, Loop
from dinrail_responses.plan import Plan, item_id
from dinrail_responses.scribe import Scribe
from dinrail_responses.tools.interface import Desk, Exchange, Json, ToolKind
from dinrail_responses.tools.toolbox import open_toolbox

if TYPE_CHECKING:
    from dinrail_responses.seal import Seal

__all__ = ["Maker", "Sealing"]


_SILENT = frozenset({"mcp_list_tools", "mcp_approval_request"})
"""Items that tell the caller something, and a model nothing."""


class Sealing:
    """Makes the seal when it is first needed.

    Args:
        secret: The configured secret.
        folder: Gives the folder where one is kept otherwise.
    """

    def __init__(self, secret: bytes | None, folder: Callable[[], Path]) -> None:
        self._secret = secret
        self._folder = folder
        self._made: Seal | None = None

    def seal(self, text: str, principal: Principal) -> str:
        """See :meth:`Seal.seal`."""
        return self._get().seal(text, principal)

    def unseal(self, sealed: str, principal: Principal) -> str:
        """See :meth:`Seal.unseal`."""
        return self._get().unseal(sealed, principal)

    def _get(self) -> Seal:
        if self._made is None:
            from dinrail_responses.seal import Seal, key_in

            self._made = Seal(self._secret or key_in(self._folder()))
        return self._made


class Maker:
    """Sets up loops.

    Args:
        kinds: The kinds of tool.
        attachments: Gets files.
        sealing: Encrypts content.
        bounds: How far a response may go.

    Attributes:
        compactor: Compacts histories.
    """

    def __init__(self, kinds: Collection[ToolKind], attachments: Attachments, sealing: Sealing, bounds: Bounds) -> None:
        self._kinds = kinds
        self._attachments = attachments
        self._sealing = sealing
        self._bounds = bounds
        self.compactor = Compactor(self.scene, sealing.seal)

    @asynccontextmanager
    async def open(self, plan: Plan, scribe: Scribe, ledger: Ledger, *, streamed: bool) -> AsyncIterator[Runs]:
        """The loop that makes what is planned, with its tools open.

        Raises:
            RequestError: The request cannot be put into words that the model understands, or a tool is not usable.
        """
        if plan.compacts:
            yield Compacting(self.compactor, plan, scribe)
            return
        spent: Json | None = None
        if too_long(plan):
            plan, spent = await self.compactor.shortened(plan, scribe)
        citations = Citations()
        asked = plan.asked
        desk = Desk(
            call=plan.call,
            rail=plan.rail,
            history=plan.history,
            include=plan.include,
            new_id=item_id,
            pen=scribe.pen,
            cite=citations.cite,
        )
        target = await plan.rail.resolve(ChatModel, asked["model"])
        scene = await self.scene(plan)
        messages = as_messages(plan.items, scene)
        tools = asked.get("tools") or []
        async with open_toolbox(tools, asked.get("tool_choice") or "auto", self._kinds, desk) as toolbox:
            sealed = "reasoning.encrypted_content" in plan.include
            speaker = ChatSpeaker(
                target,
                plan.call,
                settings(asked, target.model),
                messages,
                scene=scene,
                new_id=item_id,
                seal=(lambda text: self._sealing.seal(text, plan.call.principal)) if sealed else None,
                streamed=streamed,
                summary=_wants_summary(asked),
                parallel=asked.get("parallel_tool_calls"),
            )
            yield Loop(scribe, speaker, toolbox, citations, bounds=self._bounds, ledger=ledger, spent=spent)

    async def scene(self, plan: Plan) -> Scene:
        """What a plan's items are understood by."""
        by_kind = {name: kind for kind in self._kinds for name in kind.item_types}
        items = plan.history
        by_id = {item["id"]: item for item in items}

        def replayed(item: Json) -> Exchange | None:
            kind = by_kind.get(item["type"])
            if item["type"] in _SILENT:
                return None
            if kind is None:
                raise UnsupportedFeature(
                    f"This model cannot be told of an item of the type '{item['type']}'.", param="input"
                )
            return kind.replayed(item, by_id)

        return Scene(
            attached=await self._attachments.told(plan.items, plan.call),
            replayed=replayed,
            unsealed=lambda sealed: self._sealing.unseal(sealed, plan.call.principal),
            all_thoughts=(plan.asked.get("reasoning") or {}).get("context") == "all_turns",
        )


def _wants_summary(asked: Json) -> bool:
    reasoning = asked.get("reasoning") or {}
    return (reasoning.get("summary") or reasoning.get("generate_summary")) is not None

"""Setting up the loop for a plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dinrail_core.api.call import Principal
from dinrail_core.errors import UnsupportedFeature
from dinrail_core.hooks.context import Target
from dinrail_responses.attachments import Attachments
from dinrail_responses.chat import ChatSpeaker, settings
from dinrail_responses.chat_messages import Scene, as_messages
from dinrail_responses.citations import Citations
from dinrail_responses.compacting import Compacting, Compactor, Runs, too_long
from dinrail_responses.finding import find_model
from dinrail_responses.hosted import Divided, divided
from dinrail_responses.loop import Bounds, Ledger, Loop
from dinrail_responses.plan import Plan, item_id
from dinrail_responses.scribe import Scribe
from dinrail_responses.speaker import Speaker
from dinrail_responses.tools.interface import Desk, Exchange, Json, ToolKind
from dinrail_responses.tools.toolbox import open_toolbox

if TYPE_CHECKING:
    from dinrail_responses.seal import Seal

__all__ = ["Maker", "Sealing"]

_SEALED = "reasoning.encrypted_content"

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
        target, native = await find_model(plan.rail, asked["model"])
        tools, choice = asked.get("tools") or [], asked.get("tool_choice") or "auto"
        shared = divided(tools, choice, self._kinds, plan.rail) if native else Divided(tools, choice)
        scene = await self.scene(plan, documents=not native)
        async with open_toolbox(shared.tools, shared.choice, self._kinds, desk) as toolbox:
            if native:
                speaker: Speaker = await self._native(target, plan, scene, shared, streamed=streamed)
            else:
                speaker = self._chat(target, plan, scene, streamed=streamed)
            yield Loop(scribe, speaker, toolbox, citations, bounds=self._bounds, ledger=ledger, spent=spent)

    def _chat(self, target: Target[Any], plan: Plan, scene: Scene, *, streamed: bool) -> Speaker:
        asked, principal = plan.asked, plan.call.principal
        sealed = _SEALED in plan.include
        return ChatSpeaker(
            target,
            plan.call,
            settings(asked, target.model),
            as_messages(plan.items, scene),
            scene=scene,
            new_id=item_id,
            seal=(lambda text: self._sealing.seal(text, principal)) if sealed else None,
            streamed=streamed,
            summary=_wants_summary(asked),
            parallel=asked.get("parallel_tool_calls"),
        )

    async def _native(
        self, target: Target[Any], plan: Plan, scene: Scene, shared: Divided, *, streamed: bool
    ) -> Speaker:
        from dinrail_responses.native import NativeSpeaker, native_settings  # few servers have such an upstream
        from dinrail_responses.native_input import NativeScene, as_input

        by_item = {name: kind for kind in self._kinds for name in kind.item_types}

        def hosted(item: str) -> bool:
            kind = by_item.get(item)
            return item not in _SILENT and (kind is None or (kind.optional and not kind.installed(plan.rail)))

        files = await self._attachments.stored(plan.items, plan.call)
        whole = NativeScene(scene, files, hosted)
        return NativeSpeaker(
            target,
            plan.call,
            native_settings(plan.asked, target.model),
            as_input(plan.items, whole),
            scene=whole,
            divided=shared,
            new_id=item_id,
            sealed=_SEALED in plan.include,
            streamed=streamed,
            parallel=plan.asked.get("parallel_tool_calls"),
        )

    async def scene(self, plan: Plan, *, documents: bool = True) -> Scene:
        """What a plan's items are understood by; ``documents`` are read where a model is told what they say."""
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
            attached=await self._attachments.told(plan.items, plan.call) if documents else {},
            replayed=replayed,
            unsealed=lambda sealed: self._sealing.unseal(sealed, plan.call.principal),
            all_thoughts=(plan.asked.get("reasoning") or {}).get("context") == "all_turns",
        )


def _wants_summary(asked: Json) -> bool:
    reasoning = asked.get("reasoning") or {}
    return (reasoning.get("summary") or reasoning.get("generate_summary")) is not None

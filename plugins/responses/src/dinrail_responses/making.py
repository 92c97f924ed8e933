"""Setting up the loop for a plan."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Principal
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import UnsupportedFeature, UpstreamInvalid
from dinrail_core.hooks.context import Target
from dinrail_responses.attachments import Attachments
from dinrail_responses.chat import ChatSpeaker, settings
from dinrail_responses.chat_messages import Scene, as_messages
from dinrail_responses.citations import Citations
from dinrail_responses.compacting import Compacting, Compactor, Runs, too_long
from dinrail_responses.finding import Found, find_model
from dinrail_responses.hosted import Divided, divided
from dinrail_responses.loop import Bounds, Ledger, Loop
from dinrail_responses.moderating import Judge, Moderating, find_moderator, told_to_judges
from dinrail_responses.parsing import parsed
from dinrail_responses.passed_on import passed_on
from dinrail_responses.plan import Plan, item_id
from dinrail_responses.scribe import Scribe
from dinrail_responses.sealed import CARRIED
from dinrail_responses.speaker import INSTANCE, Speaker
from dinrail_responses.spending import Bill
from dinrail_responses.tools.interface import Desk, Exchange, Json, ToolKind
from dinrail_responses.tools.toolbox import Toolbox, open_toolbox
from dinrail_sdk.outbound import check_passed_on

if TYPE_CHECKING:
    from dinrail_core.hooks import Outbound
    from dinrail_responses.native_input import NativeScene
    from dinrail_responses.seal import Seal

__all__ = ["Maker", "Sealing"]

_SEALED = "reasoning.encrypted_content"

_COMPACTED = frozenset(
    {"instructions", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "service_tier"}
)
"""What a request says about compacting, beside the history."""

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
        outbound: Where URLs may lead that a model's server is told.

    Attributes:
        compactor: Compacts histories.
    """

    def __init__(
        self,
        kinds: Collection[ToolKind],
        attachments: Attachments,
        sealing: Sealing,
        bounds: Bounds,
        outbound: Outbound,
    ) -> None:
        self._kinds = kinds
        self._attachments = attachments
        self._sealing = sealing
        self._bounds = bounds
        self._outbound = outbound
        self.compactor = Compactor(self._told, sealing.seal)

    @asynccontextmanager
    async def open(self, plan: Plan, scribe: Scribe, ledger: Ledger, *, streamed: bool) -> AsyncIterator[Runs]:
        """The loop that makes what is planned, with its tools open.

        Raises:
            RequestError: The request cannot be put into words that the model understands, or a tool is not usable.
        """
        found = await find_model(plan.models, plan.asked)
        await check_passed_on(passed_on(plan, native=found.native), self._outbound)
        moderating = await self._moderating(plan, scribe)
        if moderating is not None and moderating.blocked:
            yield moderating
            return
        spent: Json | None = None
        if not found.whole:  # a whole one compacts by itself
            if plan.compacts:
                yield Compacting(self.compactor, plan, scribe)
                return
            if too_long(plan):
                plan, spent = await self.compactor.shortened(plan, scribe)
        async with self._asking(found, plan, scribe, streamed=streamed) as (speaker, toolbox, citations):
            loop: Runs = Loop(scribe, speaker, toolbox, citations, bounds=self._bounds, ledger=ledger, spent=spent)
            yield loop if moderating is None else moderating.over(loop)

    async def _moderating(self, plan: Plan, scribe: Scribe) -> Moderating | None:
        """The judgement of a plan's input, where that was asked for."""
        asked = plan.asked.get("moderation")
        if asked is None:
            return None
        judge = Judge(await find_moderator(plan.models, asked), plan.call)
        parts = told_to_judges(plan.input, await self._attachments.stored(plan.input, plan.call))
        return await Moderating.begun(scribe, judge, asked.get("policy") or {}, parts)

    async def count(self, plan: Plan) -> int:
        """How many tokens a plan's input has, tools included.

        Raises:
            UnsupportedFeature: The model's server does not tell.
        """
        found = await find_model(plan.models, plan.asked)
        await check_passed_on(passed_on(plan, native=found.native), self._outbound)
        async with self._asking(found, plan, _unheard(plan), streamed=False) as (speaker, toolbox, _):
            await toolbox.lead(again=True)
            toolbox.arrange()
            return await speaker.count(toolbox)

    async def compacted(self, plan: Plan) -> bytes:
        """The answer of ``/v1/responses/compact``: the upstream's own, where it has one."""
        found = await find_model(plan.models, plan.asked)
        await check_passed_on(passed_on(plan, native=found.native), self._outbound)
        if found.whole:
            from dinrail_core.api.responses import CompactRequest
            from dinrail_responses.native_input import as_input, marked

            asked = {name: value for name, value in plan.asked.items() if name in _COMPACTED and value is not None}
            items = as_input(plan.history, await self._native_scene(found, plan))
            request = decode_request(CompactRequest, {**asked, "model": found.target.model, "input": items})
            if not found.target.leads_to:
                request = request.told_to(found.target.instance)
            try:
                answer: Answer[Any] = await found.target.provider.compact_input(request, plan.call)
            except (UnsupportedFeature, UpstreamInvalid):
                pass  # it has no such operation
            else:
                bill = Bill(plan.call, found.target, items)
                bill.open(answer.headers)
                told = parsed(answer.body)
                bill.settle(told.get("usage"))
                owner = answer.headers.get(INSTANCE) or found.target.instance
                return to_json({**told, "output": [marked(item, owner) for item in told.get("output") or ()]})
        return to_json(await self.compactor.compacted(plan))

    @asynccontextmanager
    async def _asking(
        self, found: Found, plan: Plan, scribe: Scribe, *, streamed: bool
    ) -> AsyncIterator[tuple[Speaker, Toolbox, Citations]]:
        """Who answers, the tools, and what may be cited."""
        citations = Citations()
        desk = Desk(
            call=plan.call,
            rail=plan.rail,
            history=plan.history,
            include=plan.include,
            new_id=item_id,
            pen=scribe.pen,
            cite=citations.cite,
        )
        tools, choice = plan.asked.get("tools") or [], plan.asked.get("tool_choice") or "auto"
        shared = divided(tools, choice, self._kinds, plan.rail) if found.whole else Divided(tools, choice)
        if found.native:
            speaker = await self._native(found, plan, shared, streamed=streamed)
        else:
            speaker = await self._chat(found.target, plan, streamed=streamed)
        async with open_toolbox(shared.tools, shared.choice, self._kinds, desk) as toolbox:
            yield speaker, toolbox, citations

    async def _told(self, plan: Plan) -> tuple[str, Json | None]:
        """What the model says to a plan without tools, and what that took."""
        scribe = _unheard(plan)
        found = await find_model(plan.models, plan.asked)
        async with self._asking(found, plan, scribe, streamed=False) as (speaker, toolbox, citations):
            async with aclosing(speaker.ask(scribe, toolbox, citations, None)) as asking:
                async for _ in asking:
                    pass
            messages = [item for item in scribe.output if item["type"] == "message"]
            said = [part.get("text") or "" for message in messages for part in message["content"]]
            return "".join(said), speaker.step.usage

    async def _chat(self, target: Target[Any], plan: Plan, *, streamed: bool) -> Speaker:
        scene = await self.scene(plan)
        return ChatSpeaker(
            target,
            plan.call,
            settings(plan.asked, target.model),
            as_messages(plan.items, scene),
            scene=scene,
            new_id=item_id,
            seal=self._seal(plan),
            carry=lambda text: CARRIED + self._sealing.seal(text, plan.call.principal),
            streamed=streamed,
            summary=_wants_summary(plan.asked),
            parallel=plan.asked.get("parallel_tool_calls"),
        )

    async def _native(self, found: Found, plan: Plan, shared: Divided, *, streamed: bool) -> Speaker:
        from dinrail_responses.native import NativeSpeaker, native_settings  # few servers have such an upstream
        from dinrail_responses.native_input import as_input

        scene = await self._native_scene(found, plan)
        items = as_input(plan.items, scene)
        return NativeSpeaker(
            found.target,
            plan.call,
            native_settings(plan.asked, found.target.model, shared.hosted, plain=found.plain),
            [*items, {"type": "compaction_trigger"}] if plan.compacts else items,
            scene=scene,
            divided=shared,
            new_id=item_id,
            seal=self._seal(plan),
            streamed=streamed,
            summary=_wants_summary(plan.asked),
            parallel=plan.asked.get("parallel_tool_calls"),
        )

    async def _native_scene(self, found: Found, plan: Plan) -> NativeScene:
        from dinrail_responses.native_input import NativeScene

        by_item = {name: kind for kind in self._kinds for name in kind.item_types}

        def hosted(item: str) -> bool:
            kind = by_item.get(item)
            return item not in _SILENT and (kind is None or (kind.optional and not kind.installed(plan.rail)))

        files = await self._attachments.stored(plan.items, plan.call)
        return NativeScene(await self.scene(plan, documents=False), files, hosted, plain=found.plain)

    def _seal(self, plan: Plan) -> Callable[[str], str] | None:
        if _SEALED not in plan.include:
            return None
        return lambda text: self._sealing.seal(text, plan.call.principal)

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


def _unheard(plan: Plan) -> Scribe:
    """A scribe of whom nobody hears."""
    return Scribe(dict(plan.response), quiet=True)


def _wants_summary(asked: Json) -> bool:
    reasoning = asked.get("reasoning") or {}
    return (reasoning.get("summary") or reasoning.get("generate_summary")) is not None

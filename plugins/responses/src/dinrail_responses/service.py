"""Responses: made, told as they come to be, kept."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace

from pydantic_core import to_json

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.conversations import ConversationLock, Conversations
from dinrail_core.api.items.keeping import read_item
from dinrail_core.api.responses import (
    CompactedResponse,
    CompactRequest,
    CountTokens,
    CreateResponse,
    DeletedResponse,
    InputItemsQuery,
    InputTokenCount,
    ListResponsesQuery,
    Response,
    ResponseEvent,
    ResponseItemList,
    ResponseList,
    Responses,
    ResponseSession,
    RetrieveQuery,
)
from dinrail_core.errors import DinrailError, InvalidRequest, NotFound
from dinrail_core.hooks.context import Rail
from dinrail_responses.background import Background
from dinrail_responses.faults import as_fault, error_event, response_error
from dinrail_responses.loop import NoLedger
from dinrail_responses.making import Maker
from dinrail_responses.plan import Before, Plan, Planner, check, check_approvals, item_id, response_id
from dinrail_responses.retelling import begun, retell
from dinrail_responses.scribe import Scribe, frame
from dinrail_responses.sessions import Session
from dinrail_responses.store import Kept, Store

__all__ = ["ResponseService"]

_ID = re.compile(rb'"response":\{"id":"(resp_[0-9a-f]+)"')

_LAST_NUMBER = 2**31 - 1
"""The greatest sequence number that there is a place for."""


class ResponseService(Responses):
    """The one implementation of responses.

    Args:
        rail: Where models and services are found.
        store: The responses that there are.
        maker: Sets up loops.
        background: Makes those in the background.
    """

    def __init__(self, rail: Rail, store: Store, maker: Maker, background: Background) -> None:
        self._rail = rail
        self._store = store
        self._maker = maker
        self._planner = Planner(rail, store)
        self._background = background

    @property
    def background(self) -> Background:
        """Makes those in the background; for the job."""
        return self._background

    async def create(self, request: CreateResponse, call: Call) -> Answer[Response]:
        async with self.locked(request, call) as lock:
            plan = await self.planned(request, call)
            if plan.response["background"]:
                return Answer(Response, body=await self._background.begin(plan))
            scribe = Scribe(plan.response, include=plan.include, quiet=True)
            making = self._maker.open(plan, scribe, NoLedger(), streamed=False)
            async with making as loop, aclosing(loop.run()) as running:
                async for _ in running:
                    pass
            await self.keep(plan, scribe, lock)
        return Answer(Response, body=to_json(scribe.snapshot()))

    async def stream(self, request: CreateResponse, call: Call) -> Stream[ResponseEvent]:
        frames = self.frames(request, call)
        first = await anext(frames)
        named = _ID.search(first)
        made = named[1].decode() if named is not None else None
        return Stream(ResponseEvent, reads=_behind(first, frames), close=frames.aclose, made=made)

    async def frames(self, request: CreateResponse, call: Call) -> AsyncGenerator[bytes, None]:
        """The frames of a response's stream; the first come once the model's upstream has accepted the request."""
        async with self.locked(request, call) as lock:
            plan = await self.planned(request, call)
            if plan.response["background"]:
                await self._background.begin(plan)
                async with aclosing(
                    self._background.follow(plan.response["id"], -1, call, obfuscated=_obfuscated(request))
                ) as told:
                    async for piece in told:
                        yield piece
                return
            scribe = Scribe(plan.response, include=plan.include, obfuscated=_obfuscated(request))
            async with aclosing(self.made(plan, scribe, lock)) as making:
                async for _ in making:
                    events = scribe.take()
                    if events:
                        yield b"".join(map(frame, events))

    async def made(self, plan: Plan, scribe: Scribe, lock: ConversationLock | None) -> AsyncGenerator[None, None]:
        """Make a response and keep it; yields whenever there may be new events."""
        scribe.begin()
        accepted = False
        try:
            making = self._maker.open(plan, scribe, NoLedger(), streamed=True)
            async with making as loop, aclosing(loop.run()) as running:
                async for _ in running:
                    accepted = True
                    yield
            await self.keep(plan, scribe, lock)
        except Exception as caught:  # the stream has begun: whatever it is, its client is told in an event
            if not accepted:
                raise
            error = as_fault(caught)
            await self._failed(plan, scribe, error)
        scribe.close()
        yield

    async def keep(self, plan: Plan, scribe: Scribe, lock: ConversationLock | None) -> None:
        """Keep a response that has ended, and go on with its conversation."""
        kept = Kept(scribe.response, scribe.output, background=False, job_id=None, input=plan.input)
        if plan.store:
            await self._store.keep(kept, plan.before.parent, plan.call)
        await self._converse(kept, replace(plan.call, seed=plan.seed), lock)

    async def again(self, request: CreateResponse, call: Call, *, ended: bool) -> Answer[Response] | None:
        kept = await self._found(request, call, ended)
        return Answer(Response, body=kept.told(_include(request))) if kept is not None else None

    async def stream_again(self, request: CreateResponse, call: Call, *, ended: bool) -> Stream[ResponseEvent] | None:
        kept = await self._found(request, call, ended)
        if kept is None:
            return None
        obfuscated = _obfuscated(request)
        if kept.background:
            reads = self._background.follow(kept.response["id"], -1, call, obfuscated=obfuscated)
        else:
            reads = _retold(kept, Scribe(begun(kept.response), include=_include(request), obfuscated=obfuscated))
        return Stream(ResponseEvent, reads=reads)

    async def _found(self, request: CreateResponse, call: Call, ended: bool) -> Kept | None:
        """The response that an earlier try of a request has made, with what follows it done."""
        kept = await self._store.find(response_id(call), call)
        if kept is not None and not kept.background and not ended:
            async with self.locked(request, call) as lock:
                await self._converse(kept, call, lock)
        return kept

    async def get(self, response_id: str, query: RetrieveQuery, call: Call) -> Answer[Response]:
        kept = await self._store.get(response_id, call)
        return Answer(Response, body=kept.told(query.include if isinstance(query.include, list) else ()))

    async def replay(self, response_id: str, query: RetrieveQuery, call: Call) -> Stream[ResponseEvent]:
        kept = await self._store.get(response_id, call)
        if not kept.background:
            raise InvalidRequest(
                "Only a response that is made in the background can be streamed again.", param="stream"
            )
        after = min(query.starting_after, _LAST_NUMBER) if isinstance(query.starting_after, int) else -1
        obfuscated = query.include_obfuscation is True
        return Stream(ResponseEvent, reads=self._background.follow(response_id, after, call, obfuscated=obfuscated))

    async def delete(self, response_id: str, call: Call) -> Answer[DeletedResponse]:
        job_id = await self._store.delete(response_id, call)
        if job_id is not None:
            await self._background.stop(job_id, call)
        return Answer.of(DeletedResponse(id=response_id))

    async def cancel(self, response_id: str, call: Call) -> Answer[Response]:
        kept = await self._store.get(response_id, call)
        if not kept.background:
            raise InvalidRequest(
                "Only a response that is made in the background can be cancelled.", param="response_id"
            )
        return Answer(Response, body=(await self._background.cancel(response_id, call)).told(()))

    async def input_items(self, response_id: str, query: InputItemsQuery, call: Call) -> Answer[ResponseItemList]:
        return Answer(ResponseItemList, body=await self._store.input_items(response_id, query, call))

    async def list(self, query: ListResponsesQuery, call: Call) -> Answer[ResponseList]:
        return Answer(ResponseList, body=await self._store.list(query, call))

    async def count_tokens(self, request: CountTokens, call: Call) -> Answer[InputTokenCount]:
        model = request.model
        if not isinstance(model, str):
            raise InvalidRequest(
                "Missing required parameter: 'model'.", param="model", code="missing_required_parameter"
            )
        plan = await self._planner.plan(_as_create(request), call)
        return Answer.of(InputTokenCount(input_tokens=await self._maker.count(plan)))

    async def compact(self, request: CompactRequest, call: Call) -> Answer[CompactedResponse]:
        plan = await self._planner.plan(_as_create(request), call)
        return Answer(CompactedResponse, body=await self._maker.compacted(plan))

    @asynccontextmanager
    async def session(self, check: Callable[[str], Awaitable[None]]) -> AsyncIterator[ResponseSession]:
        yield Session(self, self._store, check)

    async def planned(self, request: CreateResponse, call: Call, before: Before | None = None) -> Plan:
        """What is to be done for a request."""
        plan = await self._planner.plan(request, call, before)
        check_approvals(plan)
        if plan.store:
            await self._store.check_room(plan.input, call)
        if plan.conversation_id is not None:
            _unlike(plan)
        return plan

    async def _converse(self, kept: Kept, call: Call, lock: ConversationLock | None) -> None:
        """Go on with a response's conversation; what an earlier try with the same seed has added is there already."""
        conversation = kept.response.get("conversation")
        if conversation is not None and kept.response["status"] != "failed":
            conversations = await self._rail.service(Conversations)
            items = [read_item(to_json(item)) for item in (*kept.input, *kept.output)]
            await conversations.append(conversation["id"], items, call, lock)

    async def _failed(self, plan: Plan, scribe: Scribe, error: DinrailError) -> None:
        scribe.give_up("incomplete")
        scribe.end("failed", error=response_error(error))
        scribe.say("error", **error_event(error))
        if plan.store:
            kept = Kept(scribe.response, scribe.output, background=False, job_id=None, input=plan.input)
            try:
                await self._store.keep(kept, plan.before.parent, plan.call)
            except DinrailError as second:  # the client learns of the first; that it is not kept is for the log
                as_fault(RuntimeError(f"A response that failed could not be kept: {second.message}"))

    def locked(self, request: CreateResponse, call: Call) -> AbstractAsyncContextManager[ConversationLock | None]:
        """Nobody else writes to the request's conversation meanwhile."""
        return _lock(self._rail, request, call)


@asynccontextmanager
async def _lock(rail: Rail, request: CreateResponse, call: Call) -> AsyncIterator[ConversationLock | None]:
    """Nobody else writes to the request's conversation meanwhile; one in the background locks when it is made."""
    given = request.conversation
    conversation_id = given if isinstance(given, str) else getattr(given, "id", None)
    if conversation_id is None or request.background is True:
        yield None
        return
    check(request.model_dump(mode="json"))
    conversations = await rail.service(Conversations)
    lock = conversations.lock(conversation_id, call)
    try:
        held = await lock.__aenter__()
    except NotFound as error:
        raise NotFound(error.message, param="conversation") from None
    async with _entered(lock):
        yield held


@asynccontextmanager
async def _entered(lock: AbstractAsyncContextManager[ConversationLock]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await lock.__aexit__(None, None, None)


def _unlike(plan: Plan) -> None:
    """An id is in a conversation once: an item that comes again gets another."""
    taken = {item["id"] for item in plan.before.items}
    for item in plan.input:
        if item["id"] in taken:
            item["id"] = item_id(item["type"])
        taken.add(item["id"])


def _as_create(request: CountTokens | CompactRequest) -> CreateResponse:
    """A request about an input as one that would answer it."""
    said = {name: value for name, value in request.model_dump(mode="json").items() if value is not None}
    return CreateResponse.model_validate({**said, "store": False})


def _include(request: CreateResponse) -> frozenset[str]:
    return frozenset(request.include) if isinstance(request.include, list) else frozenset()


async def _retold(kept: Kept, scribe: Scribe) -> AsyncGenerator[bytes, None]:
    retell(kept.response, kept.output, scribe)
    yield b"".join(map(frame, scribe.take()))


def _obfuscated(request: CreateResponse) -> bool:
    return getattr(request.stream_options, "include_obfuscation", None) is True


async def _behind(first: bytes, frames: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(frames):
        yield first
        async for piece in frames:
            yield piece

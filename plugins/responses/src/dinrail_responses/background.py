"""Responses that are made in the background: jobs, whose events and steps are rows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace

from pydantic_core import from_json, to_json

from dinrail_core.api.access import Authenticator
from dinrail_core.api.call import Call
from dinrail_core.api.conversations import ConversationLock, Conversations
from dinrail_core.api.items.keeping import read_item
from dinrail_core.api.jobs import Job, JobRun, Jobs
from dinrail_core.api.operations import Operations
from dinrail_core.api.responses import CreateResponse
from dinrail_core.api.webhooks import WebhookEventType, Webhooks
from dinrail_core.errors import Conflict, DinrailError, InvalidRequest, NotFound
from dinrail_core.hooks.context import Rail
from dinrail_responses.entries import REQUEST, Entries, RowLedger, Superseded, Written
from dinrail_responses.faults import as_fault, error_event, response_error
from dinrail_responses.making import Maker
from dinrail_responses.plan import Before, Plan, Planner
from dinrail_responses.scribe import Scribe, frame, padded
from dinrail_responses.store import UNDER_WAY, Kept, Store
from dinrail_responses.tools.interface import Json
from dinrail_sdk.sql.contract import Duplicate

__all__ = ["JOB", "Background"]

JOB = "response"
"""The kind of job."""

_FLUSH = 0.1
"""Seconds between two writes of events, at most."""

_LOOK = 0.3
"""Seconds between two looks for events that another process writes."""

_LOCK_WAIT = 30.0
"""Seconds for which a conversation's lock is waited for."""


_EVENTS: Mapping[str, WebhookEventType] = {
    "completed": "response.completed",
    "failed": "response.failed",
    "cancelled": "response.cancelled",
    "incomplete": "response.incomplete",
}


class Background:
    """Makes responses in jobs.

    Args:
        rail: Where jobs and conversations are found.
        store: The responses that there are.
        entries: What they have written.
        maker: Sets up loops.
    """

    def __init__(self, rail: Rail, store: Store, entries: Entries, maker: Maker) -> None:
        self._rail = rail
        self._store = store
        self._entries = entries
        self._maker = maker
        self._planner = Planner(rail, store)
        self._news: dict[str, set[asyncio.Event]] = {}

    async def begin(self, plan: Plan) -> bytes:
        """Keep a response that is to be made, have it made, and return it as JSON text."""
        jobs = await self._rail.service(Jobs)
        scribe = Scribe(plan.response, include=plan.include)
        scribe.begin()
        ledger = RowLedger(self._entries, scribe, Written([]), plan.call)
        asked = {name: value for name, value in plan.asked.items() if name != "input"}
        # The job first: one without a response ends at once, and a response without a job would wait for ever.
        job_id = await jobs.enqueue(JOB, {"response_id": scribe.response["id"]}, plan.call)
        kept = Kept(scribe.response, [], background=True, job_id=job_id, input=plan.input)
        await self._store.keep(kept, plan.before.parent, plan.call, ledger.rows(REQUEST, asked))
        return to_json(scribe.snapshot())

    async def follow(
        self, response_id: str, after: int, call: Call, *, obfuscated: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """The frames of a response behind a sequence number, until it has ended; ``obfuscated`` as in a scribe."""
        heard = asyncio.Event()
        self._news.setdefault(response_id, set()).add(heard)
        try:
            while True:
                heard.clear()
                texts, after, more = await self._entries.after(response_id, after, call)
                if texts:
                    yield b"".join(frame(padded(from_json(text))) if obfuscated else _framed(text) for text in texts)
                elif not more:
                    return
                else:
                    await _within(heard, _LOOK)
        finally:
            listening = self._news[response_id]
            listening.discard(heard)
            if not listening:
                del self._news[response_id]

    async def cancel(self, response_id: str, call: Call) -> Kept:
        """End a response; one that has ended stays as it is."""
        kept = await self._store.get(response_id, call)
        if kept.response["status"] not in UNDER_WAY:
            return kept
        await self._end(kept, "cancelled", None, call)
        if kept.job_id is not None:
            await self.stop(kept.job_id, call)
        return await self._store.get(response_id, call)

    async def stop(self, job_id: str, call: Call) -> None:
        """End a job, wherever it is."""
        jobs = await self._rail.service(Jobs)
        try:
            await jobs.cancel(job_id, call.principal)
        except NotFound:
            return  # it is over, and forgotten

    async def run(self, job: JobRun) -> None:
        """Make a response, or go on with one whose process is gone."""
        call = await self._limited(job.call)
        found = await self._awaited(job.payload["response_id"], call)
        if found is None or found[0].job_id != job.id:
            return  # its process was killed in between; another try of the same request has a job of its own
        if found[0].response["status"] not in UNDER_WAY:
            await self._announce(found[0].response, call)  # a process that is gone may not have come to it
            return
        kept, written = found
        scribe = Scribe(kept.response, include=frozenset(written.steps[REQUEST].get("include") or ()))
        scribe.fold(written.events)
        ledger = RowLedger(self._entries, scribe, written, call)
        try:
            try:
                await self._make(kept, written, scribe, ledger, call)
            except (Superseded, Duplicate):
                raise
            except Exception as caught:  # whatever it is, a response must not stay in between
                error = as_fault(caught)
                scribe.give_up("incomplete")
                scribe.end("failed", error=response_error(error))
                scribe.say("error", **error_event(error))
                scribe.close()
                await ledger.finish()
            await self._announce(scribe.response, call)
        except (Superseded, Duplicate):
            return  # it was cancelled or deleted, or another process has it
        finally:
            self._tell(scribe.response["id"])
            await self._spent(call)

    async def _limited(self, call: Call) -> Call:
        """The call with what its principal may use now, where that is limited; what models take is noted."""
        call = replace(call, expenses=[])
        if not self._rail.provides(Authenticator):
            return call
        identity = await self._rail.service(Authenticator)
        policy = identity.policy(call.principal) if identity.required else None
        return replace(call, may_use=policy.may_use) if policy is not None and policy.limits_models else call

    async def _spent(self, call: Call) -> None:
        """Have counted what models took, and charged to whoever asked."""
        if not call.expenses:
            return
        if self._rail.provides(Operations):
            (await self._rail.service(Operations)).spent(call.expenses, call)
        if call.credential is None or not self._rail.provides(Authenticator):
            return
        identity = await self._rail.service(Authenticator)
        try:
            tokens = sum(one.input + one.output for one in call.expenses)
            await identity.charge(call.principal, call.credential, tokens)
        except DinrailError as error:  # the response has ended; that somebody may go on for free is for the log
            as_fault(RuntimeError(f"What a response took could not be charged: {error.message}"))

    async def ended(self, job: Job) -> None:
        """A job was cancelled, or its last attempt has failed: so has its response."""
        call = Call(principal=job.principal)
        try:
            kept = await self._store.get(job.payload["response_id"], call)
        except NotFound:
            return
        if kept.response["status"] not in UNDER_WAY:
            return
        if job.state == "cancelled":
            await self._end(kept, "cancelled", None, call)
        else:
            message = (job.error or {}).get("message", "The response could not be made.")
            await self._end(kept, "failed", DinrailError(message, code="server_error"), call)

    async def _make(self, kept: Kept, written: Written, scribe: Scribe, ledger: RowLedger, call: Call) -> None:
        request = CreateResponse.model_validate({**written.steps[REQUEST], "input": []})
        async with self._locked(kept, call) as lock:
            plan = await self._planned(kept, request, call)
            scribe.give_up("incomplete")  # what a process that is gone had begun and not ended
            if scribe.response["status"] == "queued":
                scribe.response["status"] = "in_progress"
            if not any(event["type"] == "response.in_progress" for event in written.events):
                scribe.say("response.in_progress", response=scribe.snapshot())
            await self._store.mark(scribe.response, call)
            await self._flush(ledger, scribe)
            flushed = time.monotonic()
            making = self._maker.open(plan, scribe, ledger, streamed=True)
            async with making as loop, aclosing(loop.run()) as running:
                async for _ in running:
                    if time.monotonic() - flushed > _FLUSH:
                        await self._flush(ledger, scribe)
                        flushed = time.monotonic()
            await self._converse(plan, scribe, lock)
            scribe.close()
            await ledger.finish()

    async def _planned(self, kept: Kept, request: CreateResponse, call: Call) -> Plan:
        """The plan again: the response and its input are those that were kept."""
        asked: Json = kept.response
        before = await self._before(kept, call)
        wanted = request.model_copy(update={"input": ""})
        plan = await self._planner.plan(wanted, call, before)
        return replace(plan, input=list(kept.input), response=asked)

    async def _before(self, kept: Kept, call: Call) -> Before:
        previous = kept.response["previous_response_id"]
        conversation = kept.response.get("conversation")
        if previous is not None:
            parent, items = await self._store.history(previous, call)
            return Before(items=items, parent=parent)
        if conversation is None:
            return Before()
        own = {item["id"] for item in kept.input}
        conversations = await self._rail.service(Conversations)
        async with aclosing(conversations.history(conversation["id"], call)) as log:
            items = [item.model_dump(mode="json") async for item in log]
        return Before(items=[item for item in items if item["id"] not in own])

    async def _awaited(self, response_id: str, call: Call) -> tuple[Kept, Written] | None:
        """The response and what it has written; its row may come a moment behind its job."""
        for pause in (0.1, 0.4, 1.5, 3.0, 0.0):
            try:
                kept = await self._store.get(response_id, call)
            except NotFound:
                await asyncio.sleep(pause)
                continue
            return kept, await self._entries.written(response_id, call)
        return None

    async def _end(self, kept: Kept, status: str, error: DinrailError | None, call: Call) -> None:
        """End a response from outside: what it has written so far is what there is."""
        written = await self._entries.written(kept.response["id"], call)
        scribe = Scribe(kept.response)
        scribe.fold(written.events)
        scribe.give_up("incomplete")
        scribe.end(status, error=response_error(error) if error is not None else None)
        if error is not None:
            scribe.say("error", **error_event(error))
        scribe.close()
        try:
            await RowLedger(self._entries, scribe, written, call).finish()
        except Duplicate:  # it has written something at this very moment
            await self._end(kept, status, error, call)
        except Superseded:
            return
        self._tell(kept.response["id"])
        await self._announce(scribe.response, call)

    async def _announce(self, response: Json, call: Call) -> None:
        """Tell who wants to know that a response has ended; told again, it is the same event."""
        event = _EVENTS.get(response["status"])
        if event is not None and self._rail.provides(Webhooks):
            webhooks = await self._rail.service(Webhooks)
            await webhooks.emit(event, {"id": response["id"]}, call, key=response["id"])

    async def _converse(self, plan: Plan, scribe: Scribe, lock: ConversationLock | None) -> None:
        if plan.conversation_id is None:
            return
        conversations = await self._rail.service(Conversations)
        items = [read_item(to_json(item)) for item in (*plan.input, *scribe.output)]
        try:
            await conversations.append(plan.conversation_id, items, plan.call, lock)
        except InvalidRequest as error:
            if error.code != "duplicate_item":  # a process that is gone had written them already
                raise

    @asynccontextmanager
    async def _locked(self, kept: Kept, call: Call) -> AsyncIterator[ConversationLock | None]:
        conversation = kept.response.get("conversation")
        if conversation is None:
            yield None
            return
        conversations = await self._rail.service(Conversations)
        ends = time.monotonic() + _LOCK_WAIT
        async with AsyncExitStack() as stack:
            lock: ConversationLock | None = None
            while lock is None:
                try:
                    lock = await stack.enter_async_context(conversations.lock(conversation["id"], call))
                except Conflict:
                    if time.monotonic() > ends:
                        raise
                    await asyncio.sleep(_LOOK)
            yield lock

    async def _flush(self, ledger: RowLedger, scribe: Scribe) -> None:
        await ledger.flush()
        self._tell(scribe.response["id"])

    def _tell(self, response_id: str) -> None:
        for event in self._news.get(response_id, ()):
            event.set()


def _framed(text: str) -> bytes:
    """An event's text as a frame; every text begins with its type."""
    kind = text[len('{"type":"') : text.index('"', len('{"type":"'))]
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), text.encode())


async def _within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return

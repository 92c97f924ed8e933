"""The WebSocket mode: turns one after the other, and what is not stored is known to the connection alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from pydantic_core import from_json, to_json

from dinrail_core.api.call import Call
from dinrail_core.api.responses import STREAM_ID, CreateResponse, ResponseSession
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest
from dinrail_responses.faults import as_fault
from dinrail_responses.plan import Before
from dinrail_responses.scribe import Scribe
from dinrail_responses.store import Store
from dinrail_responses.tools.interface import Json

if TYPE_CHECKING:
    from dinrail_responses.service import ResponseService

__all__ = ["Session"]

_NOT_HERE = frozenset({"type", "stream", "stream_options", "background"})
"""What means nothing on a connection that always streams; clients send it all the same."""

_MOST_LANES = 16
"""Lanes of one connection whose newest unstored response is known."""


class Session(ResponseSession):
    """One connection.

    Args:
        service: Makes responses.
        store: The responses that are kept.
        check: Asked about the model of each turn.
    """

    def __init__(self, service: ResponseService, store: Store, check: Callable[[str], Awaitable[None]]) -> None:
        self._service = service
        self._store = store
        self._check = check
        self._last: dict[str | None, tuple[str, list[Json]]] = {}
        """Of each lane, the newest response that is known to the connection alone: its id, and all items up to it. The
        lane that has been silent longest comes first."""

    async def turn(self, message: str, call: Call) -> AsyncGenerator[str, None]:
        """See :meth:`ResponseSession.turn`."""
        previous: object = None
        try:
            given = _message(message)
            previous = given.get("previous_response_id")
            lane = _lane(given)
            async with aclosing(self._turn(given, lane, call)) as events:
                async for event in events:
                    yield to_json(event if lane is None else {**event, "stream_id": lane}).decode()
        except Exception as caught:  # whatever it is, what was gone on from is forgotten
            self._forget(previous)
            error = as_fault(caught)
            if error is caught:
                raise
            raise error from caught

    async def _turn(self, given: Json, lane: str | None, call: Call) -> AsyncGenerator[Json, None]:
        generate = given.pop("generate", None)
        if not isinstance(generate, bool | None):
            raise InvalidRequest("'generate' is a boolean.", param="generate")
        request = decode_request(CreateResponse, {**given, "stream": True})
        await self._check(request.model)
        before = await self._before(request, call)
        async with self._service.locked(request, call) as lock:
            plan = await self._service.planned(request, call, before)
            scribe = Scribe(plan.response, include=plan.include)
            if generate is False:
                scribe.begin()
                scribe.end("completed")
                await self._service.keep(plan, scribe, lock)
                scribe.close()
            else:
                async with aclosing(self._service.made(plan, scribe, lock)) as making:
                    async for _ in making:
                        for event in scribe.take():
                            yield event
            for event in scribe.take():
                yield event
        response = scribe.response
        if response["status"] == "failed":
            self._forget(response["previous_response_id"])
        elif not plan.store:
            self._last.pop(lane, None)
            self._last[lane] = (response["id"], [*plan.before.items, *plan.input, *scribe.output])
            if len(self._last) > _MOST_LANES:
                del self._last[next(iter(self._last))]

    async def _before(self, request: CreateResponse, call: Call) -> Before | None:
        previous = request.previous_response_id
        if not isinstance(previous, str):
            return None
        for known, items in self._last.values():
            if known == previous:
                return Before(items=items)
        parent, items = await self._store.history(previous, call)
        return Before(items=items, parent=parent)

    def _forget(self, response_id: object) -> None:
        self._last = {lane: last for lane, last in self._last.items() if last[0] != response_id}


def _message(text: str) -> Json:
    try:
        given = from_json(text)
    except ValueError:
        raise InvalidRequest("The message is not JSON.") from None
    if not isinstance(given, dict) or given.get("type") != "response.create":
        raise InvalidRequest("A message is an object of the type 'response.create'.", param="type")
    if given.get("background"):
        raise InvalidRequest("There is no background in the WebSocket mode.", param="background")
    return {name: value for name, value in given.items() if name not in _NOT_HERE}


def _lane(given: Json) -> str | None:
    lane = given.pop("stream_id", None)
    if lane is None:
        return None
    if not isinstance(lane, str) or STREAM_ID.fullmatch(lane) is None:
        raise InvalidRequest(
            "'stream_id' is a string of 1 to 256 letters, digits, '_', '.' and '-'.", param="stream_id"
        )
    return lane

"""The WebSocket mode: turns one after the other, and what is not stored is known to the connection alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from pydantic_core import from_json, to_json

from dinrail_core.api.call import Call
from dinrail_core.api.responses import CreateResponse, ResponseSession
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
        self._last: tuple[str, list[Json]] | None = None
        """The newest response that is known to the connection alone: its id, and all items up to it."""

    async def turn(self, message: str, call: Call) -> AsyncGenerator[str, None]:
        """See :meth:`ResponseSession.turn`."""
        previous: str | None = None
        try:
            given = _message(message)
            previous = given.get("previous_response_id")
            async with aclosing(self._turn(given, call)) as events:
                async for event in events:
                    yield event
        except Exception as caught:  # whatever it is, what was gone on from is forgotten
            if self._last is not None and previous == self._last[0]:
                self._last = None
            error = as_fault(caught)
            if error is caught:
                raise
            raise error from caught

    async def _turn(self, given: Json, call: Call) -> AsyncGenerator[str, None]:
        generate = given.pop("generate", True)
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
                            yield to_json(event).decode()
            for event in scribe.take():
                yield to_json(event).decode()
        response = scribe.response
        if response["status"] == "failed":
            if self._last is not None and response["previous_response_id"] == self._last[0]:
                self._last = None
        elif not plan.store:
            self._last = (response["id"], [*plan.before.items, *plan.input, *scribe.output])

    async def _before(self, request: CreateResponse, call: Call) -> Before | None:
        previous = request.previous_response_id
        if not isinstance(previous, str):
            return None
        if self._last is not None and self._last[0] == previous:
            return Before(items=self._last[1])
        parent, items = await self._store.history(previous, call)
        return Before(items=items, parent=parent)


def _message(text: str) -> Json:
    try:
        given = from_json(text)
    except ValueError:
        raise InvalidRequest("The message is not JSON.") from None
    if not isinstance(given, dict) or given.get("type") != "response.create":
        raise InvalidRequest("A message is an object of the type 'response.create'.", param="type")
    if given.get("background"):
        raise InvalidRequest("There is no background in the WebSocket mode.", param="background")
    return {
        name: value for name, value in given.items() if name not in ("type", "stream", "stream_options", "background")
    }

"""The one wrapper around every handler: from a request to an answer, and to the figures and the log line about it."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiohttp.web_request import BaseRequest
from aiohttp.web_response import StreamResponse
from multidict import CIMultiDict

from dinrail_core.api.access import Authenticator
from dinrail_core.api.call import LOCAL, Call, Expense
from dinrail_core.api.jobs import Jobs
from dinrail_core.api.providers import ProviderStatus
from dinrail_core.errors import DinrailError, Unavailable, UpstreamTimeout
from dinrail_core.hooks.context import Rail
from dinrail_core.hooks.http import Reply, Route, Talk
from dinrail_core.host.operations import Declared, operations
from dinrail_server import metrics
from dinrail_server.access_log import AccessLog
from dinrail_server.admission import Admission
from dinrail_server.config import ServerConfig
from dinrail_server.contract import Counted
from dinrail_server.delivery import deliver, refuse
from dinrail_server.errors import ServerFailed, UnsupportedMediaType
from dinrail_server.exchange import HttpExchange, Usage
from dinrail_server.flights import Flights
from dinrail_server.guard import Guard
from dinrail_server.idempotency import HEADER, Idempotency
from dinrail_server.metering import count_expenses, metered, tell, tell_of
from dinrail_server.metrics import Figures, JobFigures, SharedFigures
from dinrail_server.responses import finished
from dinrail_server.roster import Roster
from dinrail_server.routing import Router, Templates
from dinrail_server.state import Phase, ServerState

__all__ = ["App"]

_LOG = logging.getLogger("dinrail.server")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_JSON = "application/json"
_JSON_ONLY = frozenset({_JSON})
_CLIENT_LEFT = 499
_UNMATCHED = "unmatched"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LONGEST_PATH = 300


class App(ServerState):
    """The server without its sockets.

    Args:
        rail: What is on the rail.
        routes: The operations that the plugins declare.
        config: ``[server]``.
        log: Where lines about requests go; nowhere without it.
        identity: Knows callers; without it, every request is of this machine's one user.
    """

    def __init__(
        self,
        rail: Rail,
        routes: Sequence[Declared],
        config: ServerConfig,
        log: AccessLog | None = None,
        identity: Authenticator | None = None,
    ) -> None:
        self.phase = Phase.READY
        self.figures = Figures()
        self.flights = Flights(config.request_timeout)
        self.shared: SharedFigures | None = None
        """Where several workers share the port."""
        self._rail = rail
        self._routes = routes
        self._config = config
        self._log = log
        self._router = Router(routes)
        self._guard = Guard(config)
        self._roster = Roster(rail)
        self._idempotency = Idempotency(rail)
        self._labels = Templates()
        self._admission = Admission(rail, identity, self._labels, config) if identity is not None else None
        self._description: asyncio.Future[bytes] | None = None

    async def handle(self, request: BaseRequest) -> StreamResponse:
        """Answer one request, whatever happens."""
        begun = time.perf_counter()
        given = request.headers.get("X-Request-Id")
        request_id = given if given is not None and _REQUEST_ID.fullmatch(given) else f"req_{os.urandom(12).hex()}"
        exchange = HttpExchange(request, self, self._rail, self._call(request, request_id), self._config)
        self.flights.enter(exchange)
        status = _CLIENT_LEFT
        try:
            status = await self._answer(exchange)
        finally:
            self.flights.leave(exchange)
            if exchange.call.expenses:
                exchange.usage = Usage.over(exchange.call.expenses)
            if self._admission is not None:
                self._admission.leave(exchange, status)
            self._account(exchange, status, begun)
        return finished(exchange.stays)

    @asynccontextmanager
    async def turn(self, exchange: HttpExchange) -> AsyncIterator[Call]:
        """See :meth:`ServerState.turn`; who is let in is asked each time, since a talk outlives keys."""
        assert exchange.route is not None
        begun = time.perf_counter()
        spent: list[Expense] = []
        exchange.rail = self._rail
        exchange.call = replace(exchange.call, deadline=time.time() + self._config.request_timeout, expenses=spent)
        if self._admission is not None:
            await self._admission.admit(exchange, exchange.route, CIMultiDict())
        try:
            yield exchange.call
        finally:
            exchange.usage = Usage.over(spent)
            if self._admission is not None:
                self._admission.settle(exchange)
            took = count_expenses(spent, exchange.call.credential, self.figures, self._rail) if spent else {}
            if self._log is not None:
                about = {"time": time.time(), "event": "turn", "id": exchange.call.request_id}
                self._log.add({**about, "ms": round((time.perf_counter() - begun) * 1000, 1), **took})
            spent.clear()  # it is counted
            exchange.usage = None

    async def description(self) -> bytes:
        """See :meth:`ServerState.description`; made once, in a thread, since it takes a while."""
        if self._description is None:
            self._description = asyncio.ensure_future(asyncio.to_thread(self._describe))
        return await asyncio.shield(self._description)

    async def metrics(self) -> bytes:
        """See :meth:`ServerState.metrics`; in a thread, since the first look imports prometheus-client."""
        own = await self.snapshot()
        shared = self.shared
        jobs = await self._jobs()
        return await asyncio.to_thread(lambda: metrics.render(shared.gather(own) if shared is not None else own, jobs))

    async def _jobs(self) -> JobFigures | None:
        """The jobs of the whole installation; ``None`` where this process has had to do with none yet."""
        if not self._rail.is_open(Jobs):
            return None
        try:
            jobs = await self._rail.service(Jobs)
            periodic = await jobs.list(None, periodic=True)
            return JobFigures(await jobs.counts(), {job.kind: job.error is not None for job in periodic})
        except Unavailable:  # figures of the server are wanted most when its database is away
            return None

    async def snapshot(self) -> dict[str, Any]:
        """This process's figures now, with those of work behind requests."""
        self.figures.in_flight = len(self.flights)
        own = self.figures.snapshot()
        if not self._rail.is_open(Counted):
            return own
        return metrics.merge([own, (await self._rail.service(Counted)).snapshot()])

    async def providers(self) -> Sequence[ProviderStatus]:
        """See :meth:`ServerState.providers`."""
        return await self._roster.see()

    async def close(self) -> None:
        """End what was begun beside requests."""
        self.flights.stop()
        await self._roster.close()
        await self._idempotency.close()

    def _describe(self) -> bytes:
        from dinrail_server.openapi import describe  # pydantic's schema generator; few servers are ever asked

        return describe(operations(self._routes))

    def _call(self, request: BaseRequest, request_id: str) -> Call:
        """A call of this machine's one user; who else calls is seen once it is known what is wanted."""
        deadline = time.time() + self._config.request_timeout
        return Call(LOCAL, request_id, deadline, None, request.headers.get("traceparent"), expenses=[])

    async def _answer(self, exchange: HttpExchange) -> int:
        """Answer, and return the status."""
        headers = CIMultiDict({"x-content-type-options": "nosniff", "x-request-id": exchange.call.request_id})
        try:
            result = await self._result(exchange, headers)
            return await deliver(exchange, headers, result, self._explain)
        except BaseException as caught:  # handlers are plugins' code: whatever they raise must cost one request
            if exchange.begun:
                if isinstance(caught, Exception) and not isinstance(caught, ConnectionError):
                    _LOG.error("request %s failed in mid-answer", exchange.call.request_id, exc_info=caught)
                raise  # the client has left, or cannot be told any more
            error = exchange.refused = self._explain(exchange, caught)
        return await refuse(exchange, headers, error)

    async def _result(self, exchange: HttpExchange, headers: CIMultiDict[str]) -> object:
        """Find the operation and let it work."""
        request = exchange.request
        method, path = request.method, request.raw_path
        if "?" in path:
            path = path.partition("?")[0]
            exchange.query = request.query
        if path[:1] != "/":
            path = request.rel_url.raw_path  # a proxy's absolute form
        # A page may open a WebSocket to anywhere, and what goes through one is not only read.
        self._guard.check("POST" if exchange.wants_socket else method, exchange.headers, headers)
        if method == "OPTIONS" and self._guard.preflight(exchange.headers, self._router.methods(path), headers):
            return Reply(status=204)
        try:
            route, exchange.path = self._router.find(method, path)
        except DinrailError:
            exchange.refusal = self._router.refusal(path)
            raise
        exchange.route, exchange.refusal = route, route.refusal
        if route.id_header is not None:
            headers[route.id_header] = exchange.call.request_id
        if self.phase is not Phase.READY and not route.public:
            raise Unavailable("The server is stopping.", retry_after=1)
        if self._admission is not None and not route.public:
            await self._admission.admit(exchange, route, headers)
        if route.body is not None or route.content_types != _JSON_ONLY:
            _check_type(route, exchange.headers.get("Content-Type"))
        key = exchange.headers.get(HEADER) if route.creates or route.replay is not None else None
        if key is None:
            result = await route.handler(exchange)
            if method == "DELETE":
                await self._idempotency.deleted(exchange)
        else:
            result = await self._idempotency.answer(exchange, route, key)
            if exchange.replayed:
                return result
        if exchange.access is not None and self._admission is not None:
            self._admission.look_at(exchange, route, result)
        if exchange.asked is not None:
            exchange.model = tell(exchange.asked, result, headers)
        elif isinstance(result, Talk):
            if self._admission is not None:
                self._admission.settle(exchange)
            return result
        elif exchange.call.expenses:
            exchange.model = tell_of(exchange.call.expenses[-1].model, headers)
            return result
        elif not route.asks or exchange.meter is None or not exchange.meter.counts_tokens:
            return result
        return metered(result, exchange)

    def _explain(self, exchange: HttpExchange, caught: BaseException) -> DinrailError:
        """What the client is told; raises again what ends the request or the process."""
        if isinstance(caught, DinrailError):
            return caught
        if isinstance(caught, asyncio.CancelledError):
            if not exchange.expired:
                raise caught  # the client has left, or the server stops
            exchange.revive()
            return UpstreamTimeout(f"The request took longer than {self._config.request_timeout:g} s.")
        if not isinstance(caught, (Exception, SystemExit)):
            raise caught
        request_id = exchange.call.request_id
        _LOG.error("request %s failed", request_id, exc_info=caught)
        return ServerFailed(f"The server failed to answer. Its log says more about the request {request_id}.")

    def _account(self, exchange: HttpExchange, status: int, begun: float) -> None:
        """Count the request, and write its line."""
        seconds = time.perf_counter() - begun
        route, request = exchange.route, exchange.request
        label = self._labels[route.path] if route is not None else _UNMATCHED
        self.figures.count(request.method if request.method in _METHODS else "other", label, status, seconds)
        if exchange.first_byte is not None:
            self.figures.count_stream(label, exchange.first_byte - begun, exchange.sent, exchange.error)
        took: dict[str, Any] = {}
        if exchange.call.expenses:
            took = count_expenses(exchange.call.expenses, exchange.call.credential, self.figures, self._rail)
        elif exchange.usage is not None and exchange.model is not None:
            asked = exchange.asked.instance if exchange.asked is not None else ""
            usage = exchange.usage
            one = Expense(asked, exchange.model, usage.input, usage.output, estimated=usage.estimated)
            took = count_expenses([one], exchange.call.credential, self.figures, self._rail)
        if self._log is None:
            return
        line: dict[str, Any] = {
            "time": time.time(),
            "event": "request",
            "id": exchange.call.request_id,
            "client": request.remote,
            "method": request.method,
            "path": request.raw_path.partition("?")[0][:_LONGEST_PATH],
            "status": status,
            "ms": round(seconds * 1000, 1),
            "bytes": exchange.sent,
            **took,
        }
        if exchange.error is not None:
            line["error"] = exchange.error
        self._log.add(line)


def _check_type(route: Route, given: str | None) -> None:
    """Refuse a body of a type that the route does not take; without a type, it is taken to be of the right one.

    Raises:
        UnsupportedMediaType: It is of another.
    """
    if given is None or (given == _JSON and _JSON in route.content_types):
        return
    if given.partition(";")[0].strip().lower() not in route.content_types:
        wanted = " or ".join(sorted(route.content_types))
        raise UnsupportedMediaType(f"The body must be of type {wanted}, not {given[:100]}.")

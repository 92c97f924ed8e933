"""The server's own operations, asked without HTTP: the same routes, policy, limits and errors."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel

from dinrail_core.api.access import Authenticator, Meter, Policy
from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call, Expense, Principal
from dinrail_core.api.jobs import Json
from dinrail_core.api.operations import Operations, Outcome
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import DinrailError, InvalidRequest, NotFound, PermissionDenied
from dinrail_core.hooks.context import Rail, Target
from dinrail_core.hooks.http import Exchange, Part, Route
from dinrail_server.admission import authenticator_of
from dinrail_server.body import check_depth
from dinrail_server.contract import Counted
from dinrail_server.errors import MethodNotAllowed, ServerFailed, problem
from dinrail_server.metering import answered_by, count_expenses, usage_in, usage_of
from dinrail_server.metrics import Figures
from dinrail_server.routes import ROUTES
from dinrail_server.routing import NO_VALUES, Router

__all__ = ["ServerOperations"]

_LOG = logging.getLogger("dinrail.server")

W = TypeVar("W", bound=BaseModel)


class _Direct(Exchange):
    """An exchange whose body is there already.

    Args:
        body: The parsed body.
        rail: What may be used.
        call: On whose behalf.
    """

    path: Mapping[str, str] = NO_VALUES
    query: Mapping[str, str] = NO_VALUES
    headers: Mapping[str, str] = NO_VALUES

    def __init__(self, body: Json, rail: Rail, call: Call) -> None:
        self.body = body
        self.rail = rail
        self.call = call

    async def read(self) -> bytes:
        return orjson.dumps(self.body)

    async def decode(self, wire: type[W]) -> W:
        return decode_request(wire, self.body)

    def parts(self) -> AsyncGenerator[Part, None]:
        raise InvalidRequest("The body is JSON and no form.")

    def parameters(self, wire: type[W]) -> W:
        return decode_request(wire, {}, from_text=True)


class ServerOperations(Operations, Counted):
    """Performs what the server's routes do, and counts the tokens that it takes.

    Args:
        rail: What is on the rail.
        identity: Knows what principals may do, where anything does.
    """

    def __init__(self, rail: Rail, identity: Authenticator | None) -> None:
        self._rail = rail
        self._identity = identity
        self._router = Router(ROUTES)
        self._figures = Figures()

    @classmethod
    async def over(cls, rail: Rail) -> ServerOperations:
        """Those of the server on this rail."""
        return cls(rail, await authenticator_of(rail))

    def check(self, path: str, principal: Principal) -> None:
        self._route(path, self._policy(principal))

    async def perform(self, path: str, body: Json, call: Call) -> Outcome:
        identity = self._identity
        meter = identity.meter(call.principal) if identity is not None and identity.required else None
        if meter is None:
            return await self._outcome(path, body, call)
        await meter.enter()
        return await self._metered(meter, path, body, call)

    async def _metered(self, meter: Meter, path: str, body: Json, call: Call) -> Outcome:
        tokens = 0
        try:
            outcome = await self._outcome(path, body, call)
            took = usage_in(outcome.body) if outcome.status < 400 else None
            tokens = took.total if took is not None else 0
        finally:
            meter.leave(tokens)
        return outcome

    async def _outcome(self, path: str, body: Json, call: Call) -> Outcome:
        try:
            return await self._answer(path, body, call)
        except DinrailError as error:
            return _refused(error)
        except Exception as error:  # handlers are plugins' code: whatever they raise must cost one request
            _LOG.error("request %s failed", call.request_id, exc_info=error)
            return _refused(ServerFailed(f"The server failed to answer. Its log says more about {call.request_id}."))

    async def _answer(self, path: str, body: Json, call: Call) -> Outcome:
        policy = self._policy(call.principal)
        route = self._route(path, policy)
        if isinstance(body, dict) and body.get("stream") is True:
            raise InvalidRequest("There is nobody to stream to here.", param="stream")
        check_depth(body)
        rail = self._rail
        if policy is not None and policy.limits_models:
            rail = rail.limited_to(policy.may_use)
        spent: list[Expense] = []
        may_use = policy.may_use if policy is not None and policy.limits_models else None
        exchange = _Direct(body, rail, replace(call, may_use=may_use, expenses=spent))
        try:
            result: Any = await route.handler(exchange)
            if isinstance(result, Stream):
                await result.aclose()
            if not isinstance(result, Answer):
                raise InvalidRequest("This cannot be answered in one piece.")
            if exchange.asked is not None:
                spent.append(_expense(exchange, exchange.asked, result))
        finally:
            self.spent(spent, call)
        return Outcome(route.status, result.body)

    def snapshot(self) -> dict[str, Any]:
        return self._figures.snapshot()

    def spent(self, expenses: Sequence[Expense], call: Call) -> None:
        if expenses:
            count_expenses(expenses, call.credential, self._figures, self._rail)

    def _route(self, path: str, policy: Policy | None) -> Route:
        try:
            route, _ = self._router.find("POST", path)
        except (NotFound, MethodNotAllowed):
            raise _no_such(path) from None
        if route.path != path or route.body is None:
            raise _no_such(path)
        if policy is not None and not policy.may_call("POST", path):
            raise PermissionDenied(f"You may not use POST {path}.")
        return route

    def _policy(self, principal: Principal) -> Policy | None:
        """What a principal may do; ``None`` where nobody has to say who it is, and the one user may do everything."""
        if self._identity is None or not self._identity.required:
            return None
        return self._identity.policy(principal)


def _expense(exchange: _Direct, asked: Target[Any], answer: Answer[Any]) -> Expense:
    """What an answer took, as for a request over HTTP."""
    usage = usage_in(answer.body) or usage_of(answer.body, len(orjson.dumps(exchange.body)))
    model = answered_by(asked, answer)
    return Expense(asked.instance, model, usage.input, usage.output, estimated=usage.estimated)


def _refused(error: DinrailError) -> Outcome:
    found = problem(error)
    return Outcome(found.status, found.body, error.code, getattr(error, "retry_after", None))


def _no_such(path: str) -> NotFound:
    return NotFound(f"There is no operation POST {path[:200]} on this server.", param="endpoint")

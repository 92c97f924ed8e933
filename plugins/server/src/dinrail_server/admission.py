"""Who is let in: identity, policy and limits, between a route that was found and its handler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from multidict import CIMultiDict
from pydantic import SecretStr

from dinrail_core.api.access import AuditEvent, Authenticator, ModelDenied
from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.errors import ConfigurationError, PermissionDenied, Unauthenticated
from dinrail_core.hooks.context import Rail
from dinrail_core.hooks.http import Route
from dinrail_server.config import ServerConfig, is_loopback
from dinrail_server.exchange import HttpExchange

__all__ = ["Admission", "authenticator_of", "check_guarded"]

_UPSTREAM_KEY = "x-dinrail-upstream-key"
_LONGEST_ID = 200
_ACTIONS: Mapping[str, Literal["create", "update", "delete"]] = {
    "POST": "create",
    "PUT": "update",
    "PATCH": "update",
    "DELETE": "delete",
}


async def authenticator_of(rail: Rail) -> Authenticator | None:
    """What knows callers, where something does.

    Raises:
        Unavailable: It could not be opened; serving everybody instead would not be what the operator wants.
    """
    return await rail.service(Authenticator) if rail.provides(Authenticator) else None


def check_guarded(config: ServerConfig, identity: Authenticator | None) -> None:
    """See that an address that others can reach serves only callers that are known.

    Raises:
        ConfigurationError: It would serve everybody.
    """
    if not _must_be_known(config) or (identity is not None and identity.required):
        return
    remedy = "make a key (dinrail keys create), " if identity is not None else ""
    if config.authenticate:
        raise ConfigurationError(
            f"nobody would have to authenticate; {remedy or 'install what knows callers, '}or leave it out",
            key="server.authenticate",
        )
    raise ConfigurationError(
        f"{config.host} can be reached from other machines, and nobody would have to authenticate; {remedy}listen on "
        "127.0.0.1, or say --insecure",
        key="server.host",
    )


def _must_be_known(config: ServerConfig) -> bool:
    return config.authenticate or not (config.insecure or is_loopback(config.host))


class Admission:
    """Asks who calls, and holds callers to what they may do and use.

    Args:
        rail: What is on the rail.
        identity: Knows callers.
        labels: Paths of routes as the description writes them.
        config: Says whether the server may serve somebody unknown.
    """

    def __init__(self, rail: Rail, identity: Authenticator, labels: Mapping[str, str], config: ServerConfig) -> None:
        self._must = _must_be_known(config)
        self._rail = rail
        self._identity = identity
        self._labels = labels

    async def admit(self, exchange: HttpExchange, route: Route, headers: CIMultiDict[str]) -> None:
        """Let a request in.

        Args:
            exchange: The request; it learns on whose behalf it is made.
            route: What it wants.
            headers: Where the answer's headers go.

        Raises:
            Unauthenticated: The caller is not known.
            PermissionDenied: It may not do this.
            RateLimited: It has done too much.
            Unavailable: Callers cannot be told apart at present.
        """
        identity, given = self._identity, exchange.headers
        upstream_key = given.get(_UPSTREAM_KEY)
        if upstream_key is not None and not identity.upstream_keys:
            raise PermissionDenied(
                f"This server takes no upstream keys of its callers ({_UPSTREAM_KEY}).", code="upstream_key_not_allowed"
            )
        if not identity.required:
            if self._must:
                # At the start this could not be told yet, and now it turns out that there are no keys.
                raise Unauthenticated("This server needs a key, and there is none yet: dinrail keys create.")
            if upstream_key is not None:
                exchange.call = _with_key(exchange.call, upstream_key)
            return
        access = identity.recall(given) or await identity.identify(given)
        exchange.access = access
        call = exchange.call
        policy = access.policy
        exchange.call = Call(
            access.principal,
            call.request_id,
            call.deadline,
            traceparent=call.traceparent,
            storage_limit=access.storage_limit,
            credential=access.credential,
            may_use=policy.may_use if policy.limits_models else None,
            expenses=call.expenses,
        )
        if upstream_key is not None:
            exchange.call = _with_key(exchange.call, upstream_key)
        if not policy.may_call(route.method, self._labels[route.path]):
            raise PermissionDenied(f"You may not use {route.method} {self._labels[route.path]}.")
        if policy.limits_models:
            exchange.rail = self._rail.limited_to(policy.may_use)
        if access.meter is not None:
            try:
                await access.meter.enter()
                exchange.meter = access.meter
            finally:
                headers.update(access.meter.headers())

    def look_at(self, exchange: HttpExchange, route: Route, result: Any) -> None:
        """See what a handler has made, as far as somebody wants to know."""
        if route.method != "POST" or route.asks:
            return
        if isinstance(result, Answer):
            exchange.made = _id_of(result.value)
        elif isinstance(result, Stream):
            exchange.made = result.made

    def settle(self, exchange: HttpExchange) -> None:
        """The request is no more under way, or has become a talk, whose turns count instead."""
        if exchange.meter is not None:
            exchange.meter.leave(exchange.usage.total if exchange.usage is not None else 0)
            exchange.meter = None

    def leave(self, exchange: HttpExchange, status: int) -> None:
        """The request is over: count it, and note what an auditor wants to know."""
        self.settle(exchange)
        if not self._identity.required:
            return
        action = _action(exchange)
        if action is not None:
            self._identity.record(self._event(action, exchange, status))

    def _event(self, action: Any, exchange: HttpExchange, status: int) -> AuditEvent:
        route, access = exchange.route, exchange.access
        path = self._labels[route.path] if route is not None else "unmatched"
        objects = [value[:_LONGEST_ID] for value in exchange.path.values()]
        if exchange.made is not None:
            objects.append(exchange.made[:_LONGEST_ID])
        return AuditEvent(
            action=action,
            route=f"{exchange.request.method[:20]} {path}",
            status=status,
            request_id=exchange.call.request_id,
            objects=tuple(objects),
            principal=access.principal if access is not None else None,
            credential=access.credential if access is not None else None,
            error=exchange.error,
            client=exchange.request.remote,
        )


def _with_key(call: Call, key: str) -> Call:
    return replace(call, upstream_key=SecretStr(key))


def _action(exchange: HttpExchange) -> Literal["create", "update", "delete", "authenticate", "deny"] | None:
    error, route = exchange.refused, exchange.route
    if isinstance(error, (PermissionDenied, ModelDenied)):
        return "deny"
    if route is None or route.public:
        return None
    if exchange.access is None:
        return "authenticate" if isinstance(error, Unauthenticated) else None
    if exchange.replayed:
        return None  # what it tells of was noted when it was made
    return None if route.asks and exchange.made is None else _ACTIONS.get(route.method)


def _id_of(value: object) -> str | None:
    """The id of what was made, by whatever name its wire type calls it."""
    names = [name for name in getattr(type(value), "model_fields", ()) if name == "id" or name.endswith("_id")]
    found = getattr(value, min(names, key=lambda name: name != "id"), None) if names else None
    return found if isinstance(found, str) else None

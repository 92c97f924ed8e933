"""Whether what a hook returned is what it must be, so that a careless record costs its plugin and no request."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import Any, get_args

from pydantic import BaseModel

from dinrail_core.hooks.http import Method, Route, RouteGroup
from dinrail_core.hooks.records import Command, ProviderType, Section, ServiceType

__all__ = ["NAME", "unsound"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""Names that are part of model ids, of configuration keys and of folders."""


def unsound(record: object, kind: type | tuple[type, ...]) -> str | None:
    """What is wrong with a record, in words that complete "the hook returned …"; ``None`` where nothing is."""
    if not isinstance(record, kind):
        wanted = kind if isinstance(kind, type) else kind[0]
        return f"a {type(record).__name__}, not a {wanted.__name__}"
    match record:
        case Route():
            wrong = _route(record)
        case RouteGroup():
            wrong = _under(record) or _callables(record, ("load",))
        case ProviderType():
            wrong = _named(record) or _config(record) or _contracts("apis", record.apis) or _optional(record)
            wrong = wrong or _callables(record, ("open",), ("detect",))
        case ServiceType():
            wrong = _named(record) or _config(record) or _contracts("provides", record.provides)
            wrong = wrong or _contracts("requires", record.requires, needed=False)
            wrong = wrong or _callables(record, ("open",), ("eager",))
        case Section():
            wrong = _named(record) or _config(record)
        case Command():
            wrong = _named(record) or _callables(record, ("configure",), ("run", "on_rail")) or _one_way(record)
        case _:
            wrong = None
    return f"a {type(record).__name__} {wrong}" if wrong else None


def _named(record: Any) -> str | None:
    if isinstance(record.name, str) and NAME.fullmatch(record.name):
        return None
    return f"whose name {record.name!r:.80} is not made of letters, digits, '.', '_', '-'"


def _config(record: Any) -> str | None:
    what = f"'{record.name}' whose config"
    if not isinstance(record.config, type) or not issubclass(record.config, BaseModel):
        return f"{what} is no pydantic model"
    if record.config.model_config.get("extra") != "forbid":
        return f'{what} does not refuse unknown keys (extra="forbid")'
    return None


def _contracts(field: str, value: object, *, needed: bool = True) -> str | None:
    if not isinstance(value, Set) or not all(isinstance(contract, type) for contract in value):
        return f"whose {field} is no set of contracts"
    return f"whose {field} is empty" if needed and not value else None


def _optional(record: Any) -> str | None:
    if not isinstance(record.optional, Mapping) or not all(isinstance(contract, type) for contract in record.optional):
        return "whose optional has a key that is no contract"
    unknown = [name for name in record.optional.values() if name not in record.config.model_fields]
    return f"whose optional names {unknown[0]!r:.80}, which is no field of its config" if unknown else None


def _callables(record: object, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> str | None:
    for field in (*needed, *optional):
        value = getattr(record, field)
        if not callable(value) and not (value is None and field in optional):
            return f"whose {field} cannot be called"
    return None


def _one_way(command: Command) -> str | None:
    if (command.run is None) == (command.on_rail is None):
        return f"'{command.name}' that has {'no' if command.run is None else 'both'} run and on_rail"
    return None


def _under(group: Any) -> str | None:
    if isinstance(group.under, str) and re.fullmatch(r"(/[^/{}]+)+", group.under):
        return None
    return f"whose path {group.under!r:.80} is not made of fixed segments"


def _route(route: Any) -> str | None:
    if route.method not in get_args(Method):
        return f"with the method {route.method!r:.80}"
    if not isinstance(route.path, str) or not route.path.startswith("/"):
        return f"whose path {route.path!r:.80} does not begin with '/'"
    for field in ("body", "query", "answer", "event"):
        wire = getattr(route, field)
        if wire is not None and not (isinstance(wire, type) and issubclass(wire, BaseModel)):
            return f"{route.method} {route.path} whose {field} is no wire type"
    if route.creates and (route.method != "POST" or route.event is not None):
        return f"{route.method} {route.path} that creates, but is no POST with one whole answer"
    if route.replay is not None and (route.method != "POST" or route.creates):
        return f"{route.method} {route.path} that tells answers again, but is no POST, or keeps them as well"
    return _callables(route, ("handler",))

"""The operations of the HTTP interface, one by one or in groups that are declared when they are needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from dinrail_core.errors import Unavailable
from dinrail_core.hooks.http import Route, RouteGroup
from dinrail_core.host.plugins import Plugins
from dinrail_core.host.reasons import reason_of
from dinrail_core.host.soundness import unsound

__all__ = ["Declared", "declared_by", "load_group", "operations"]

Declared = Route | RouteGroup
"""What plugins return for routes."""


def declared_by(plugins: Plugins) -> list[Declared]:
    """What the plugins declare, without loading groups; a plugin that gets in another one's way is set aside."""
    found = plugins.records("routes", _operation, (Route, RouteGroup))
    groups = [(plugin, record) for plugin, record in found if isinstance(record, RouteGroup)]
    aside = set()
    for position, (plugin, record) in enumerate(found):
        for owner, group in groups:
            if owner is plugin or plugin.name in aside or owner.name in aside or not is_under(_path(record), group):
                continue
            later, first = (plugin, owner) if found.index((owner, group)) < position else (owner, plugin)
            later.fail(f"what is under {group.under} is declared by {first.installed.distribution}")
            aside.add(later.name)
    return [record for plugin, record in found if plugin.name not in aside]


def is_under(path: str, group: RouteGroup) -> bool:
    """Whether a path belongs to a group."""
    return path == group.under or path.startswith(f"{group.under}/")


def load_group(group: RouteGroup) -> Sequence[Route]:
    """The routes of a group.

    Raises:
        Unavailable: Its plugin has made a mistake.
    """
    try:
        routes = list(group.load())
    except Exception as error:  # a plugin's code may raise anything, and must cost its own routes only
        raise Unavailable(f"The routes under {group.under} cannot be declared ({reason_of(error)}).") from error
    for route in routes:
        if reason := unsound(route, Route):
            raise Unavailable(f"Under {group.under} stands {reason}.")
        if not is_under(route.path, group):
            raise Unavailable(f"The route {route.method} {route.path} does not stand under {group.under}.")
    if len({_operation(route) for route in routes}) < len(routes):
        raise Unavailable(f"Under {group.under} stand two routes of one method and path.")
    return routes


def operations(declared: Iterable[Declared]) -> list[Route]:
    """Every operation, those of groups included.

    Raises:
        Unavailable: A group cannot be loaded.
    """
    found: list[Route] = []
    for record in declared:
        found += load_group(record) if isinstance(record, RouteGroup) else [record]
    return found


def _operation(record: Declared) -> str:
    """What makes a route unique: parameters match whatever they are called."""
    if isinstance(record, RouteGroup):
        return f"what is under {record.under}"
    return f"the route {record.method} {re.sub(r'{[^{}:]*', '{', record.path)}"


def _path(record: Declared) -> str:
    return record.under if isinstance(record, RouteGroup) else record.path

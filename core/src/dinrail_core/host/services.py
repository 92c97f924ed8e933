"""Opening services in the order of what they require."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from pydantic import BaseModel

from dinrail_core.errors import ConfigurationError
from dinrail_core.hooks.context import Context
from dinrail_core.hooks.records import ServiceType
from dinrail_core.host.lifecycle import Opened, OpenError
from dinrail_core.host.plugins import Plugin

__all__ = ["PlannedService", "Services", "order_services"]

PlannedService = tuple[Plugin, ServiceType, BaseModel]


def order_services(planned: Sequence[PlannedService]) -> list[PlannedService]:
    """The services such that each stands behind all that it requires.

    One that requires what nothing provides, or that waits for itself in a circle, is set aside, and so is all that
    requires it.
    """
    providing: dict[type, PlannedService] = {}
    for service in planned:
        for contract in service[1].provides:
            first = providing.setdefault(contract, service)
            if first is not service:
                service[0].fail(f"{contract.__name__} is already provided by {first[0].installed.distribution}")
    left = [service for service in planned if all(providing[contract] is service for contract in service[1].provides)]
    while True:
        names = {contract: service for service in left for contract in service[1].provides}
        lacking = [service for service in left if service[1].requires - names.keys()]
        if not lacking:
            break
        for plugin, record, _ in lacking:
            missing = ", ".join(sorted(c.__name__ for c in record.requires - names.keys()))
            plugin.fail(f"the service '{record.name}' requires {missing}, which nothing provides")
        left = [service for service in left if service not in lacking]
    by_name = {service[1].name: service for service in left}
    graph = {service[1].name: {names[c][1].name for c in service[1].requires} for service in left}
    try:
        return [by_name[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle: list[str] = error.args[1]
        for name in circle:
            by_name[name][0].fail(f"the service '{name}' requires itself, through {' -> '.join(circle)}")
        return order_services([service for service in left if service[1].name not in circle])


class Services:
    """The opened services."""

    def __init__(self) -> None:
        self.by_contract: dict[type, object] = {}
        self._opened: list[Opened] = []

    async def open(self, ordered: Sequence[PlannedService], contexts: Mapping[str, Context]) -> None:
        """Open them one after another; one that fails is set aside with all that requires it.

        Raises:
            ConfigurationError: A service says that the operator must mend something first.
        """
        for plugin, record, config in ordered:
            missing = ", ".join(sorted(c.__name__ for c in record.requires - self.by_contract.keys()))
            if missing:
                plugin.fail(f"the service '{record.name}' requires {missing}, which could not be opened")
                continue
            opened = Opened(record.name, lambda r=record, c=config: r.open(c, contexts[r.name]))  # type: ignore[misc]
            try:
                value = await opened.open()
            except OpenError as error:
                if isinstance(error.__cause__, ConfigurationError):
                    raise error.__cause__ from None
                plugin.fail(f"{record.name}: {error}")
                continue
            self._opened.append(opened)
            wrong = sorted(c.__name__ for c in record.provides if not isinstance(value, c))
            if wrong:
                plugin.fail(f"the service '{record.name}' declares {', '.join(wrong)}, but what it opens is none")
                continue
            self.by_contract.update(dict.fromkeys(record.provides, value))

    async def close(self) -> None:
        """Close them in reverse."""
        for opened in reversed(self._opened):
            await opened.close()
        self._opened.clear()
        self.by_contract.clear()

"""Services: their order, and opening each when it is needed."""

from __future__ import annotations

import asyncio
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
    """The services, each opened when it is first asked for, or at the start where it says so.

    A server that serves chat alone has loaded no database, and one that has work waiting on disk takes it up at once.

    Args:
        ordered: All of them, each behind what it requires.
        contexts: What each is opened with, by name.
    """

    def __init__(self, ordered: Sequence[PlannedService], contexts: Mapping[str, Context]) -> None:
        self._ordered = ordered
        self._contexts = contexts
        self._by_contract = {contract: service for service in ordered for contract in service[1].provides}
        self._opening: dict[str, asyncio.Task[object]] = {}
        self._opened: list[Opened] = []

    async def start(self) -> None:
        """Open those that are needed from the start; one that fails is set aside.

        Raises:
            ConfigurationError: A service says that the operator must mend something first.
        """
        for plugin, record, config in self._ordered:
            if record.eager is None or not self._eager(plugin, record, config):
                continue
            try:
                await self._get(record.name)
            except OpenError as error:
                if isinstance(error.__cause__, ConfigurationError):
                    raise error.__cause__ from None

    def has(self, contract: type) -> bool:
        """Whether one provides ``contract``."""
        return contract in self._by_contract

    async def get(self, contract: type) -> object:
        """The opened service that provides ``contract``; those who ask at once share one opening.

        Raises:
            OpenError: It could not be opened.
        """
        return await self._get(self._by_contract[contract][1].name)

    async def close(self) -> None:
        """Close them in the reverse order of opening."""
        for task in self._opening.values():
            task.cancel()
        if self._opening:
            await asyncio.wait(self._opening.values())
        for opened in reversed(self._opened):
            await opened.close()
        self._opened.clear()
        self._opening.clear()

    async def _get(self, name: str) -> object:
        if name not in self._opening:
            self._opening[name] = asyncio.create_task(self._open(name), name=f"dinrail-open-{name}")
        # Shielded: a caller who leaves must not undo what others wait for.
        return await asyncio.shield(self._opening[name])

    async def _open(self, name: str) -> object:
        plugin, record, config = next(service for service in self._ordered if service[1].name == name)
        for contract in record.requires:
            try:
                await self.get(contract)
            except OpenError as error:
                plugin.fail(f"the service '{name}' requires {contract.__name__}, which could not be opened")
                raise OpenError(f"it requires {contract.__name__}, which could not be opened") from error.__cause__
        opened = Opened(name, lambda: record.open(config, self._contexts[name]))
        try:
            value = await opened.open()
        except OpenError as error:
            plugin.fail(f"{name}: {error}")
            raise
        self._opened.append(opened)
        wrong = sorted(contract.__name__ for contract in record.provides if not isinstance(value, contract))
        if wrong:
            plugin.fail(f"the service '{name}' declares {', '.join(wrong)}, but what it opens is none")
            raise OpenError(f"it declares {', '.join(wrong)}, but what it opens is none")
        return value

    def _eager(self, plugin: Plugin, record: ServiceType, config: BaseModel) -> bool:
        assert record.eager is not None
        try:
            return record.eager(config, self._contexts[record.name])
        except (Exception, SystemExit) as error:  # a plugin's code may raise anything, and must cost only its plugin
            plugin.fail(f"the service '{record.name}' cannot say whether it is needed ({type(error).__name__})")
            return False

"""Services: their order, and opening each when it is needed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter

from pydantic import BaseModel

from dinrail_core.api.jobs import JobKind, Jobs
from dinrail_core.errors import ConfigurationError
from dinrail_core.hooks.context import Context
from dinrail_core.hooks.records import ServiceType
from dinrail_core.host.lifecycle import Opened, OpenError
from dinrail_core.host.plugins import Plugin
from dinrail_core.host.reasons import reason_of, without_secrets

__all__ = ["PlannedService", "Services", "order_services"]

PlannedService = tuple[Plugin, ServiceType, BaseModel]

_LOOK = 5.0
"""Seconds between two looks whether a service is needed that was not at the start."""

_RETRY = 5.0
"""Seconds for which a service that could not be opened is not tried again."""


def order_services(planned: Sequence[PlannedService], configured: Collection[str] = ()) -> list[PlannedService]:
    """The services such that each stands behind all that it requires.

    One that requires what nothing provides, or that waits for itself in a circle, is set aside, and so is all that
    requires it.

    Args:
        planned: All of them.
        configured: Names of those that the operator's configuration has a section for. They go before others that
            provide the same.

    Raises:
        ConfigurationError: Two are configured that provide the same.
    """
    left = _without_namesakes(_without_rivals(planned, configured))
    while True:
        names = {contract: service for service in left for contract in service[1].provides}
        lacking = [service for service in left if service[1].requires - names.keys()]
        if not lacking:
            break
        for plugin, record, _ in lacking:
            plugin.faults[record.name] = (
                f"it requires {_listed(record.requires - names.keys())}, which nothing provides"
            )
        left = [service for service in left if service not in lacking]
    by_name = {service[1].name: service for service in left}
    graph = {service[1].name: {names[c][1].name for c in service[1].requires} for service in left}
    try:
        return [by_name[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        circle: list[str] = error.args[1]
        for name in circle:
            by_name[name][0].faults[name] = f"it requires itself, through {' -> '.join(circle)}"
        return order_services([service for service in left if service[1].name not in circle], configured)


def _without_rivals(planned: Sequence[PlannedService], configured: Collection[str]) -> list[PlannedService]:
    """Those that are first to provide what they provide, the configured ones ahead of the others."""
    providing: dict[type, PlannedService] = {}
    left = []
    for service in sorted(planned, key=lambda service: service[1].name not in configured):
        plugin, record, _ = service
        taken = record.provides & providing.keys()
        if not taken:
            providing.update(dict.fromkeys(record.provides, service))
            left.append(service)
            continue
        rivals = [providing[contract] for contract in taken]
        owners = ", ".join(sorted({rival[0].installed.distribution for rival in rivals}))
        names = sorted({rival[1].name for rival in rivals} & set(configured))
        if record.name in configured:
            others = " and ".join(f"[services.{name}]" for name in names)
            raise ConfigurationError(
                f"{_listed(taken)} can be provided by one service; {others} does it too. Keep one of them",
                key=f"services.{record.name}",
            )
        if names:
            plugin.notes[record.name] = f"it stands back for {owners}, which is configured"
        else:
            plugin.faults[record.name] = f"{_listed(taken)} is already provided by {owners}"
    return left


def _without_namesakes(planned: Sequence[PlannedService]) -> list[PlannedService]:
    """Those whose kinds of job nobody before them declares: a job is kept by the name of its kind."""
    declaring: dict[str, PlannedService] = {}
    left = []
    for service in planned:
        plugin, record, _ = service
        names = [kind.name for kind in record.jobs]
        taken = next((name for name in names if name in declaring or names.count(name) > 1), None)
        if taken is None:
            declaring.update(dict.fromkeys(names, service))
            left.append(service)
        else:
            owner = declaring.get(taken, service)[0].installed.distribution
            plugin.faults[record.name] = f"jobs of the kind '{taken}' are already declared by {owner}"
    return left


def _listed(contracts: Iterable[type]) -> str:
    return ", ".join(sorted(contract.__name__ for contract in contracts))


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
        self._failed_at: dict[str, float] = {}
        self._opened: list[tuple[ServiceType, Opened]] = []
        self._closed = False

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

    async def go_on(self) -> None:
        """Open those that turn out to be needed after the start, until cancelled.

        A database that was not there at the start may be made by a request, or by another process on the same data,
        whose work somebody has to take over when it dies. One that could not be opened is left to whoever needs it.
        """
        while True:
            await asyncio.sleep(_LOOK)
            for plugin, record, config in self._ordered:
                asked = record.eager is not None and record.name not in self._opening
                if asked and self._eager(plugin, record, config):
                    with suppress(OpenError):  # the reason is kept, for all to see
                        await self._get(record.name)

    def has(self, contract: type) -> bool:
        """Whether one provides ``contract``."""
        return contract in self._by_contract

    def is_open(self, contract: type) -> bool:
        """Whether the service that provides ``contract`` is open now."""
        if self._closed or contract not in self._by_contract:
            return False
        task = self._opening.get(self._by_contract[contract][1].name)
        return task is not None and task.done() and not task.cancelled() and task.exception() is None

    def in_use(self, contract: type) -> bool:
        """Whether the service that provides ``contract`` is open, or says now that it would be at a start."""
        if self.is_open(contract):
            return True
        if self._closed or contract not in self._by_contract:
            return False
        plugin, record, config = self._by_contract[contract]
        return record.eager is not None and self._eager(plugin, record, config)

    async def get(self, contract: type) -> object:
        """The opened service that provides ``contract``; those who ask at once share one opening.

        Raises:
            OpenError: It could not be opened.
        """
        return await self._get(self._by_contract[contract][1].name)

    def job_kinds(self) -> Sequence[JobKind]:
        """The kinds of job that they declare."""
        return [kind for _, record, _ in self._ordered for kind in record.jobs]

    def declares(self, kind: str) -> str | None:
        """The name of the service that declares a kind of job."""
        return next((record.name for _, record, _ in self._ordered if any(k.name == kind for k in record.jobs)), None)

    async def get_named(self, name: str) -> object:
        """The opened service of this name.

        Raises:
            OpenError: It could not be opened.
        """
        return await self._get(name)

    async def close(self) -> None:
        """Close them in the reverse order of opening; from now on none can be had.

        What does jobs goes first: it may be at jobs of any of the others.
        """
        self._closed = True
        for task in self._opening.values():
            task.cancel()
        if self._opening:
            await asyncio.wait(self._opening.values())
        first = [entry for entry in self._opened if Jobs in entry[0].provides]
        for _, opened in (*first, *(entry for entry in reversed(self._opened) if entry not in first)):
            await opened.close()
        self._opened.clear()
        self._opening.clear()

    async def _get(self, name: str) -> object:
        if self._closed:
            raise OpenError("the server is stopping")
        if name in self._failed_at and time.monotonic() - self._failed_at[name] > _RETRY:
            # What kept it from opening (a database that was down) may be over.
            del self._failed_at[name], self._opening[name]
        if name not in self._opening:
            self._opening[name] = asyncio.create_task(self._open(name), name=f"dinrail-open-{name}")
        # Shielded: a caller who leaves must not undo what others wait for.
        return await asyncio.shield(self._opening[name])

    async def _open(self, name: str) -> object:
        plugin, record, config = next(service for service in self._ordered if service[1].name == name)
        try:
            await self._open_required(record)
            value = await self._enter(record, config)
        except OpenError as error:
            self._failed_at[name] = time.monotonic()
            plugin.faults[name] = without_secrets(str(error), config)
            raise OpenError(plugin.faults[name]) from error.__cause__
        plugin.faults.pop(name, None)
        return value

    async def _open_required(self, record: ServiceType) -> None:
        for contract in sorted(record.requires, key=lambda contract: contract.__name__):
            try:
                await self.get(contract)
            except OpenError as error:
                raise OpenError(f"it requires {contract.__name__}, which could not be opened") from error.__cause__

    async def _enter(self, record: ServiceType, config: BaseModel) -> object:
        opened = Opened(
            record.name,
            lambda: record.open(config, self._contexts[record.name]),
            lambda reason: self._lose(record.name, reason),
        )
        try:
            value = await opened.open()
        except asyncio.CancelledError:
            await opened.close()
            raise
        wrong = [contract for contract in record.provides if not isinstance(value, contract)]
        if wrong:
            await opened.close()
            raise OpenError(f"it declares {_listed(wrong)}, but what it opens is none")
        self._opened.append((record, opened))
        return value

    def _lose(self, name: str, reason: str) -> None:
        """Take note that an opened service has ended by itself; whoever asks next opens it again."""
        self._opening.pop(name, None)
        for plugin, record, config in self._ordered:
            if record.name == name:
                plugin.faults[name] = without_secrets(reason, config)

    def _eager(self, plugin: Plugin, record: ServiceType, config: BaseModel) -> bool:
        assert record.eager is not None
        try:
            return record.eager(config, self._contexts[record.name])
        except (Exception, SystemExit) as error:  # a plugin's code may raise anything, and must cost only its plugin
            plugin.faults[record.name] = f"it cannot say whether it is needed ({reason_of(error)})"
            return False

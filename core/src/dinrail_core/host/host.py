"""The host: from a configuration to an open rail, and back to nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import BaseModel

from dinrail_core.api.provider import ModelLibrary
from dinrail_core.errors import ConfigurationError, NotFound, Unavailable
from dinrail_core.hooks.context import Context, Rail
from dinrail_core.hooks.records import ProviderType, Section, ServiceType
from dinrail_core.host.instances import Instance, plan_instances
from dinrail_core.host.operations import Declared, declared_by
from dinrail_core.host.plugins import Plugin, Plugins, PluginState
from dinrail_core.host.rail import HostRail
from dinrail_core.host.services import PlannedService, Services, order_services
from dinrail_core.host.settings import Settings, did_you_mean, ensure_valid

if TYPE_CHECKING:
    from dinrail_core.host.dispatch.routed import RoutedModel

__all__ = ["Host", "Plan"]


class Plan:
    """All that can be known without opening anything: plugins loaded, every key of the configuration checked.

    Args:
        settings: The configuration.
        environment: Variables that detection looks at; the process's own where not given.
        plugins: The plugins; found from metadata where not given.

    Raises:
        ConfigurationError: The operator's configuration is wrong; one line that names the key.
    """

    def __init__(
        self, settings: Settings, environment: Mapping[str, str] | None = None, plugins: Plugins | None = None
    ) -> None:
        self.settings = settings
        self.plugins = plugins or Plugins(settings.plugins.enable, settings.plugins.disable)
        self.plugins.load()
        types = self.plugins.records("providers", lambda r: f"the provider type '{r.name}'", ProviderType)
        services = self.plugins.records("services", lambda r: f"the service '{r.name}'", ServiceType)
        sections = self.plugins.records("sections", lambda r: f"the section '[{r.name}]'", Section)
        self.sections: Mapping[str, BaseModel] = MappingProxyType(self._check_sections(sections))
        self.services: list[PlannedService] = order_services(self._plan_services(services), settings.services.keys())
        unused = [plugin for plugin in self.plugins.all if plugin.state is not PluginState.ENABLED]
        lost = {plugin.name: plugin for plugin in unused}
        lost |= {r.name: plugin for plugin in unused for r in plugin.declared if isinstance(r, ProviderType)}
        self.types: dict[str, tuple[Plugin, ProviderType]] = {
            record.name: (plugin, record) for plugin, record in types if plugin.state is PluginState.ENABLED
        }
        self.routed: Mapping[str, RoutedModel] = _routed(settings)
        self.instances: dict[str, Instance] = plan_instances(
            self.types, lost, settings, os.environ if environment is None else environment
        )

    def _check_sections(self, declared: Sequence[tuple[Plugin, Section]]) -> dict[str, BaseModel]:
        checked: dict[str, BaseModel] = {}
        for plugin, record in declared:
            if plugin.state is not PluginState.ENABLED:
                continue
            if record.name in self.settings.sections:
                checked[record.name] = ensure_valid(record.config, self.settings.sections[record.name], record.name)
                continue
            try:
                checked[record.name] = ensure_valid(record.config, {}, record.name)
            except ConfigurationError as error:
                plugin.fail(f"its section has no sound defaults ({error})")
        for name in sorted(self.settings.sections.keys() - checked.keys()):
            known = {*type(self.settings).model_fields, *checked} - {"sections"}
            self._excuse("section", name, known, key=name)
        return checked

    def _plan_services(self, declared: Sequence[tuple[Plugin, ServiceType]]) -> list[PlannedService]:
        usable = {record.name: (plugin, record) for plugin, record in declared if plugin.state is PluginState.ENABLED}
        for name in sorted(self.settings.services.keys() - usable.keys()):
            self._excuse("service", name, usable.keys(), key=f"services.{name}")
        planned: list[PlannedService] = []
        for name, (plugin, record) in usable.items():
            if name in self.settings.services:
                config = ensure_valid(record.config, self.settings.services[name], f"services.{name}")
                planned.append((plugin, record, config))
                continue
            try:
                planned.append((plugin, record, ensure_valid(record.config, {}, f"services.{name}")))
            except ConfigurationError as error:
                plugin.faults[name] = f"it needs to be configured ({error})"
        return planned

    def _excuse(self, what: str, name: str, known: Iterable[str], *, key: str) -> None:
        """Let pass what may belong to a plugin that was set aside; the operator's file is not at fault then.

        Raises:
            ConfigurationError: Nothing installed has this name, or its plugin waits for the operator's consent.
        """
        for plugin in self.plugins.all:
            if plugin.name == name and plugin.state is PluginState.OFF:
                raise ConfigurationError(f"the plugin '{name}' is off: {plugin.reason}", key=key)
            if plugin.state is PluginState.ENABLED:
                continue
            if plugin.name == name or any(getattr(record, "name", None) == name for record in plugin.declared):
                return
            # Its names are not known, so it cannot be told from a slip of the pen.
            if f"{what}s" in plugin.installed.extends and plugin.state is PluginState.FAILED:
                return
        raise ConfigurationError(
            f"no installed plugin has a {what} of this name (known here: {', '.join(sorted(known)) or 'none'})"
            f"{did_you_mean(name, known)}",
            key=key,
        )


class Host:
    """An open rail; made by :meth:`open`.

    Attributes:
        plan: What it was made from.
        rail: What routes and services see.
    """

    def __init__(self, plan: Plan, *, serving: bool = True) -> None:
        self.plan = plan
        self._serving = serving
        self._rail = HostRail(
            plan.plugins,
            [record for _, record in plan.types.values()],
            plan.instances,
            plan.settings.aliases,
            plan.routed,
        )
        self._services = Services(
            plan.services, {record.name: self._context("services", record.name) for _, record, _ in plan.services}
        )

    @classmethod
    @asynccontextmanager
    async def open(cls, plan: Plan, *, services: bool = True) -> AsyncIterator[Host]:
        """Open providers, all at once, and the services that are needed from the start. One that fails is set aside.

        Args:
            plan: What to open.
            services: Whether there are services; a program that only looks (``dinrail plugins``) must start no work.

        Raises:
            ConfigurationError: A service says that the operator must mend something first.
        """
        host = cls(plan)
        later: asyncio.Task[None] | None = None
        try:
            opening = [host._open_instance(instance) for instance in plan.instances.values()]
            if services:
                host._rail.attach(host._services)
                opening.append(host._services.start())
            for outcome in await asyncio.gather(*opening, return_exceptions=True):
                if outcome is not None:
                    raise outcome
            if services:
                later = asyncio.create_task(host._services.go_on(), name="dinrail-services")
            yield host
        finally:
            if later is not None:
                later.cancel()
                await asyncio.wait({later})
            await host._services.close()
            await asyncio.gather(*(instance.close() for instance in plan.instances.values()))

    @classmethod
    @asynccontextmanager
    async def open_for_command(cls, plan: Plan) -> AsyncIterator[Host]:
        """Open nothing yet: services as they are asked for, each told that there is no server, and no provider.

        Args:
            plan: What is on the rail.
        """
        host = cls(plan, serving=False)
        host._rail.attach(host._services)
        try:
            yield host
        finally:
            await host._services.close()

    @property
    def rail(self) -> Rail:
        """What is on the rail."""
        return self._rail

    @property
    def settings(self) -> Settings:
        """The configuration."""
        return self.plan.settings

    @property
    def sections(self) -> Mapping[str, BaseModel]:
        """The checked sections that plugins own, by name."""
        return self.plan.sections

    def library(self, name: str) -> ModelLibrary:
        """The model library of one instance.

        Raises:
            Unavailable: The instance could not be opened.
            NotFound: There is none of that name, or it fetches no models.
        """
        instance = self.plan.instances.get(name)
        if instance is None or ModelLibrary not in instance.type.apis:
            raise NotFound(f"There is no provider '{name}' that fetches models.")
        if not isinstance(instance.provider, ModelLibrary):
            raise Unavailable(f"The provider '{name}' is not open ({instance.reason}).")
        return instance.provider

    def routes(self) -> Sequence[Declared]:
        """The operations that the plugins declare, and groups of such that are not loaded yet."""
        return declared_by(self.plan.plugins)

    def _context(self, kind: str, name: str) -> Context:
        return Context(
            name=name,
            data_dir=self.settings.data_dir / kind / name,
            rail=self._rail,
            serving=self._serving,
            outbound=self.settings.outbound.policy(),
        )

    async def _open_instance(self, instance: Instance) -> None:
        context = self._context("providers", instance.name)
        await instance.open(context, self.settings.models_refresh, self._rail.forget)


def _routed(settings: Settings) -> Mapping[str, RoutedModel]:
    if not settings.models:
        return MappingProxyType({})
    from dinrail_core.host.dispatch.routed import routed_models  # few servers have such models

    return routed_models(settings.models, settings.aliases)

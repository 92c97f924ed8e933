"""The host: from a configuration to an open rail, and back to nothing."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType

from pydantic import BaseModel, ValidationError

from dinrail_core.api.provider import ModelLibrary
from dinrail_core.errors import ConfigurationError, NotFound, Unavailable
from dinrail_core.hooks.context import Context, Rail
from dinrail_core.hooks.http import Route
from dinrail_core.hooks.records import ProviderType, Section, ServiceType
from dinrail_core.host.instances import Instance, plan_instances
from dinrail_core.host.plugins import Plugin, Plugins
from dinrail_core.host.rail import HostRail
from dinrail_core.host.services import PlannedService, Services, order_services
from dinrail_core.host.settings import Settings, ensure_valid

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
        self.types: dict[str, tuple[Plugin, ProviderType]] = {
            record.name: (plugin, record)
            for plugin, record in self.plugins.records(
                "providers", lambda r: f"the provider type '{r.name}'", ProviderType
            )
        }
        self.service_types: dict[str, tuple[Plugin, ServiceType]] = {
            record.name: (plugin, record)
            for plugin, record in self.plugins.records("services", lambda r: f"the service '{r.name}'", ServiceType)
        }
        self.section_types: dict[str, tuple[Plugin, Section]] = {
            record.name: (plugin, record)
            for plugin, record in self.plugins.records("sections", lambda r: f"the section '[{r.name}]'", Section)
        }
        self.sections: Mapping[str, BaseModel] = MappingProxyType(self._check_sections())
        self.services: list[PlannedService] = order_services(self._plan_services())
        self.instances: dict[str, Instance] = plan_instances(
            self.types, settings, os.environ if environment is None else environment
        )

    def _check_sections(self) -> dict[str, BaseModel]:
        for name in self.settings.sections:
            if name not in self.section_types:
                known = ", ".join(sorted({*type(self.settings).model_fields, *self.section_types} - {"sections"}))
                raise ConfigurationError(f"unknown section or key (known here: {known})", key=name)
        return {
            name: ensure_valid(record.config, self.settings.sections.get(name, {}), name)
            for name, (_, record) in self.section_types.items()
        }

    def _plan_services(self) -> list[PlannedService]:
        for name in self.settings.services:
            if name not in self.service_types:
                known = ", ".join(sorted(self.service_types)) or "none is installed"
                raise ConfigurationError(
                    f"no installed service has this name (there are: {known})", key=f"services.{name}"
                )
        planned: list[PlannedService] = []
        for name, (plugin, record) in self.service_types.items():
            if name in self.settings.services:
                planned.append(
                    (plugin, record, ensure_valid(record.config, self.settings.services[name], f"services.{name}"))
                )
                continue
            try:
                planned.append((plugin, record, record.config()))
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                plugin.fail(f"the service '{name}' needs to be configured ({first['loc'][0]}: {first['msg']})")
        return planned


class Host:
    """An open rail; made by :meth:`open`.

    Attributes:
        plan: What it was made from.
        rail: What routes and services see.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._rail = HostRail(
            plan.plugins, [record for _, record in plan.types.values()], plan.instances, plan.settings.aliases
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
        try:
            opening = [host._open_instance(instance) for instance in plan.instances.values()]
            if services:
                host._rail.attach(host._services)
                opening.append(host._services.start())
            for outcome in await asyncio.gather(*opening, return_exceptions=True):
                if outcome is not None:
                    raise outcome
            yield host
        finally:
            await host._services.close()
            await asyncio.gather(*(instance.close() for instance in plan.instances.values()))

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

    def routes(self) -> Sequence[Route]:
        """The operations that the plugins declare."""
        found = self.plan.plugins.records("routes", lambda route: f"the route {route.method} {route.path}", Route)
        return [route for _, route in found]

    def _context(self, kind: str, name: str) -> Context:
        return Context(name=name, data_dir=self.settings.data_dir / kind / name, rail=self._rail)

    async def _open_instance(self, instance: Instance) -> None:
        await instance.open(self._context("providers", instance.name))
        instance.listen(self.settings.models_refresh, self._rail.forget)

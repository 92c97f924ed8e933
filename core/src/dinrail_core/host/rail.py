"""Finding what is on the rail: from a contract and a model id to an opened instance."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from dinrail_core.api.access import ModelDenied
from dinrail_core.api.jobs import JobKind
from dinrail_core.api.models import Model
from dinrail_core.api.provider import ABOUT_ITSELF, ModelInfo
from dinrail_core.api.providers import PluginStatus, ProviderStatus
from dinrail_core.errors import ModelNotFound, NotFound, NothingServes, Unavailable
from dinrail_core.hooks.context import MayUse, Price, Rail, Target
from dinrail_core.hooks.records import ProviderType
from dinrail_core.host.instances import Instance
from dinrail_core.host.lifecycle import OpenError
from dinrail_core.host.plugins import Plugins, PluginState
from dinrail_core.host.services import Services

if TYPE_CHECKING:
    from dinrail_core.host.dispatch.routed import RoutedModel

__all__ = ["HostRail"]

T = TypeVar("T")

_FRESH = 5.0
_WAIT = 2.0


class HostRail(Rail):
    """The host's rail.

    Args:
        plugins: All plugins, for their states.
        types: Installed provider types, to say what could serve a contract that nothing serves.
        instances: Instances by name.
        aliases: Model ids that stand for others; free of loops.
        routed: Models of the operator's own making; free of loops too.
    """

    def __init__(
        self,
        plugins: Plugins,
        types: Sequence[ProviderType],
        instances: Mapping[str, Instance],
        aliases: Mapping[str, str],
        routed: Mapping[str, RoutedModel],
    ) -> None:
        self._plugins = plugins
        self._types = types
        self._instances = instances
        self._services: Services | None = None
        self._aliases = aliases
        self._routed = routed
        self._targets: dict[tuple[type, str], Target[Any]] = {}
        self._may_use: MayUse | None = None

    def attach(self, services: Services) -> None:
        """Let services be found from now on."""
        self._services = services

    def forget(self) -> None:
        """Forget resolved ids; called when a list of models has changed."""
        self._targets.clear()

    async def resolve(self, contract: type[T], model: str) -> Target[T]:
        """See :meth:`Rail.resolve`."""
        if self._routed and (routed := self._routed.get(self._follow(model))) is not None:
            from dinrail_core.host.dispatch.proxies import proxy  # few servers have such models

            through = proxy(contract, partial(routed.ask, partial(self._resolve_behind, routed.name, contract)))
            if through is not None:
                return Target(cast("T", through), routed.name, routed.name, tuple(routed.leads_to))
        return await self._resolve(contract, model)

    def price(self, model: str) -> Price | None:
        """See :meth:`Rail.price`."""
        routed = self._routed.get(model)
        return routed.price if routed is not None else None

    async def _resolve_behind(self, name: str, contract: type[T], model: str) -> Target[T]:
        """Where a model leads that stands behind the routed model ``name``, which may only be settings of its own."""
        return await (self._resolve if model == name else self.resolve)(contract, model)

    async def _resolve(self, contract: type[T], model: str) -> Target[T]:
        known = self._targets.get((contract, model))
        if known is not None and (self._may_use is None or self._may_use(known.instance, known.model)):
            return known
        if not any(instance.serves(contract) for instance in self._instances.values()):
            head = self._follow(model).partition("/")[0]
            lost = self._instances.get(head)
            if lost is not None and not lost.type.apis and self._lets(lost, None):
                _open(lost)  # of a plugin that was set aside nobody knows what it would serve
            raise NothingServes(self._what_to_install(contract))
        instance, name = await self._find(model, contract)
        if not instance.serves(contract, instance.models.get(name)):
            raise ModelNotFound(
                f"The model '{model}' does not serve this API (it is no {contract.__name__}).", param="model"
            )
        target = Target(cast("T", instance.used_by(contract)), name, instance.name)
        if name in instance.models and self._may_use is None:  # limited, a plain name may lead elsewhere
            self._targets[contract, model] = target
        return target

    async def instance(self, contract: type[T], name: str | None = None) -> Target[T]:
        """See :meth:`Rail.instance`."""
        able = [one for one in self._instances.values() if one.serves(contract) and self._lets(one, None)]
        if not able:
            raise NothingServes(self._what_to_install(contract))
        if name is not None:
            able = [one for one in able if one.name == name]
            if not able:
                raise NotFound(f"There is no provider '{name}' that is a {contract.__name__}.")
        return Target(cast("T", _open(able[0]).provider), "", able[0].name)

    def provides(self, contract: type) -> bool:
        """See :meth:`Rail.provides`."""
        return self._services is not None and self._services.has(contract)

    def is_open(self, contract: type) -> bool:
        """See :meth:`Rail.is_open`."""
        return self._services is not None and self._services.is_open(contract)

    def in_use(self, contract: type) -> bool:
        """See :meth:`Rail.in_use`."""
        return self._services is not None and self._services.in_use(contract)

    async def service(self, contract: type[T]) -> T:
        """See :meth:`Rail.service`."""
        if self._services is None or not self._services.has(contract):
            raise NothingServes(
                f"No enabled service provides {contract.__name__}. Install or enable a plugin that does; "
                f"`dinrail plugins` shows what is installed.{self._services_that_are_off()}"
            )
        try:
            return cast("T", await self._services.get(contract))
        except OpenError as error:
            raise Unavailable(f"The service behind {contract.__name__} is not open ({error}).") from error

    def job_kinds(self) -> Sequence[JobKind]:
        """See :meth:`Rail.job_kinds`."""
        return self._services.job_kinds() if self._services is not None else ()

    async def service_for(self, kind: str) -> object:
        """See :meth:`Rail.service_for`."""
        name = self._services.declares(kind) if self._services is not None else None
        if self._services is None or name is None:
            return await super().service_for(kind)
        try:
            return await self._services.get_named(name)
        except OpenError as error:
            raise Unavailable(f"The service '{name}' is not open ({error}).") from error

    def instances(self, contract: type[T]) -> Mapping[str, T]:
        """See :meth:`Rail.instances`."""
        return {
            name: cast("T", instance.provider)
            for name, instance in self._instances.items()
            if instance.provider is not None and instance.serves(contract) and self._lets(instance, None)
        }

    async def models(self) -> Sequence[Model]:
        """See :meth:`Rail.models`."""
        await self._refresh()
        found = [
            _wire(f"{instance.name}/{info.id}", instance, info)
            for instance in self._instances.values()
            for info in instance.models.values()
            if self._lets(instance, info.id)
        ]
        by_id = {model.id: model for model in found}
        for name in (*self._routed, *self._aliases):
            try:
                found_model = await self.model(name)
            except (ModelNotFound, Unavailable):
                continue
            by_id.setdefault(name, found_model)
        return list(by_id.values())

    async def model(self, model: str) -> Model:
        """See :meth:`Rail.model`."""
        routed = self._routed.get(self._follow(model))
        if routed is not None and routed.leads_to != [routed.name]:
            return await self._first_of(routed, model)
        instance, name = await self._find(model, None)
        if name not in instance.models and instance.listing is not None:
            await instance.listing.refresh(older_than=_FRESH, within=_WAIT)
        if name not in instance.models:
            raise _unknown(model)
        return _wire(model, instance, instance.models[name])

    async def _first_of(self, routed: RoutedModel, model: str) -> Model:
        """What is told of a routed model: what the first of those behind it tells that is there."""
        for behind in routed.leads_to:
            if behind == routed.name:
                continue
            try:
                found = await self.model(behind)
            except (ModelNotFound, Unavailable):
                continue
            return found.model_copy(update={"id": model})
        raise _unknown(model)

    async def providers(self) -> Sequence[ProviderStatus]:
        """See :meth:`Rail.providers`."""
        seen = [instance for instance in self._instances.values() if self._lets(instance, None)]
        return await asyncio.gather(*(instance.status() for instance in seen))

    async def provider(self, name: str) -> ProviderStatus:
        """See :meth:`Rail.provider`."""
        if name not in self._instances or not self._lets(self._instances[name], None):
            raise NotFound(f"There is no provider '{name}'.")
        return await self._instances[name].status()

    def plugins(self) -> Sequence[PluginStatus]:
        """See :meth:`Rail.plugins`."""
        return [plugin.status() for plugin in self._plugins.all]

    def limited_to(self, may_use: MayUse) -> Rail:
        """See :meth:`Rail.limited_to`; what is known of models is shared with this rail."""
        limited = copy.copy(self)
        limited._may_use = may_use
        return limited

    def _lets(self, instance: Instance, model: str | None) -> bool:
        return self._may_use is None or self._may_use(instance.name, model)

    async def _find(self, model: str, contract: type | None) -> tuple[Instance, str]:
        """The one open instance behind a model id, and the upstream's name of the model."""
        name = self._follow(model)
        head, slash, rest = name.partition("/")
        if slash and rest and head in self._instances:
            if not self._lets(self._instances[head], rest):
                raise ModelDenied(_no_such(model), param="model")
            if not self._instances[head].knows(rest):
                raise _unknown(model)
            return _open(self._instances[head]), rest
        having = self._having(name, contract)
        if not having:
            await self._refresh()
            having = self._having(name, contract) or self._having(name, None)
        if not having:
            denied = any(name in instance.models for instance in self._instances.values())
            raise ModelDenied(_no_such(model), param="model") if denied else _unknown(model)
        if len(having) > 1:
            ids = ", ".join(f"'{instance.name}/{name}'" for instance in having)
            raise ModelNotFound(f"Several providers have a model '{model}': say which, {ids}.", param="model")
        return _open(having[0]), name

    def _follow(self, model: str) -> str:
        while model in self._aliases:
            model = self._aliases[model]
        return model

    def _having(self, name: str, contract: type | None) -> list[Instance]:
        return [
            instance
            for instance in self._instances.values()
            if name in instance.models
            and self._lets(instance, name)
            and (contract is None or instance.serves(contract, instance.models[name]))
        ]

    async def _refresh(self) -> None:
        """Look again at every list that is not fresh, without waiting long for a dead upstream."""
        listings = [instance.listing for instance in self._instances.values() if instance.listing is not None]
        if listings:
            await asyncio.gather(*(listing.refresh(older_than=_FRESH, within=_WAIT) for listing in listings))

    def _services_that_are_off(self) -> str:
        """What a plugin that may not run would provide is not known; that it would provide something is."""
        off = [
            plugin.name
            for plugin in self._plugins.all
            if plugin.state is PluginState.OFF and "services" in plugin.installed.extends
        ]
        return f" Installed, and off until [plugins] enable names them: {', '.join(sorted(off))}." if off else ""

    def _what_to_install(self, contract: type) -> str:
        able = sorted(record.name for record in self._types if contract in record.apis)
        if able:
            return (
                f"No configured provider is a {contract.__name__}. Installed and able: {', '.join(able)}; "
                f'configure one, for example [providers.NAME] type = "{able[0]}".'
            )
        return (
            f"No installed plugin provides a {contract.__name__}. Install one that does (pip install …); "
            "`dinrail plugins` shows what is installed."
        )


def _open(instance: Instance) -> Instance:
    if instance.provider is None:
        raise Unavailable(f"The provider '{instance.name}' is not open ({instance.reason or 'it is being opened'}).")
    return instance


def _unknown(model: str) -> ModelNotFound:
    return ModelNotFound(_no_such(model), param="model")


def _no_such(model: str) -> str:
    return f"The model '{model}' does not exist or you do not have access to it."


def _wire(model_id: str, instance: Instance, info: ModelInfo) -> Model:
    contracts = info.contracts & instance.apis if info.contracts else instance.apis
    fields: dict[str, Any] = {
        "id": model_id,
        "object": "model",
        "created": info.created,
        "owned_by": info.owned_by or instance.name,
        "apis": sorted(contract.__name__ for contract in contracts - ABOUT_ITSELF),
    }
    if info.context_length is not None:
        fields["context_length"] = info.context_length
    return Model.model_validate(fields)

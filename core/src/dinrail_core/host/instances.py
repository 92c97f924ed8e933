"""The configured and detected instances of providers: made from the configuration, opened, looked at, closed."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from dinrail_core.api.provider import ABOUT_ITSELF, Checked, Health, ModelInfo, ModelSource, State
from dinrail_core.api.providers import ProviderStatus
from dinrail_core.errors import ConfigurationError
from dinrail_core.hooks.context import Context
from dinrail_core.hooks.records import ProviderType
from dinrail_core.host.catalog import Listing
from dinrail_core.host.lifecycle import Opened, OpenError
from dinrail_core.host.plugins import Plugin, PluginState
from dinrail_core.host.reasons import reason_of, without_secrets
from dinrail_core.host.settings import Settings, did_you_mean, ensure_valid

if TYPE_CHECKING:
    from dinrail_core.host.dispatch.gate import Gate

__all__ = ["Instance", "plan_instances"]

_LOOK_LIMIT = 2.0


@dataclass(slots=True)
class Instance:
    """One instance of a provider.

    Attributes:
        name: The operator's name; the first part of its model ids.
        type: Its record.
        plugin: Where that came from.
        config: The checked configuration.
        provider: What ``open`` yielded, or ``None`` while it is not open.
        reason: Why it is not open.
        apis: The contracts that it fulfils, as it is configured.
        listing: Its models, where it lists any.
        gate: Holds calls to what the operator allows, where that is limited.
    """

    name: str
    type: ProviderType
    plugin: Plugin
    config: BaseModel
    provider: object | None = None
    reason: str | None = None
    listing: Listing | None = None
    gate: Gate | None = None
    apis: frozenset[builtins.type] = field(init=False)
    _opened: Opened | None = None

    def __post_init__(self) -> None:
        self.apis = self.type.apis_of(self.config)

    async def open(self, context: Context, every: float, changed: Callable[[], None]) -> None:
        """Open it, and begin to list its models where it lists any; a failure is kept as :attr:`reason`.

        Args:
            context: What ``open`` receives.
            every: Seconds between two looks at its models.
            changed: Called when there is something new about its models.
        """
        if self.reason is not None:
            return

        def lose(reason: str) -> None:
            self._set_aside(reason)
            changed()

        self._opened = Opened(self.name, lambda: self.type.open(self.config, context), lose)
        try:
            provider = await self._opened.open()
        except OpenError as error:
            self._set_aside(str(error))
            return
        missing = sorted(contract.__name__ for contract in self.apis if not isinstance(provider, contract))
        if missing:
            await self._opened.close()
            self._set_aside(f"it declares {', '.join(missing)}, but what it opens is none")
            return
        self.provider = provider
        if isinstance(provider, ModelSource):
            self.listing = Listing(provider, every, changed)
            self.listing.start()

    async def close(self) -> None:
        """Close it; does nothing where it is not open."""
        if self.listing is not None:
            await self.listing.stop()
        if self._opened is not None:
            await self._opened.close()
        self.provider = None

    def serves(self, contract: builtins.type, info: ModelInfo | None = None) -> bool:
        """Whether it, or the one model of it, fulfils the contract."""
        if contract not in self.apis:
            return False
        return info is None or not info.contracts or contract in info.contracts

    @property
    def models(self) -> Mapping[str, ModelInfo]:
        """Its models by upstream name, as far as they are known now."""
        models: Mapping[str, ModelInfo] = self.listing.models if self.listing is not None else {}
        if self.gate is None or not self.gate.chooses:
            return models
        return {name: info for name, info in models.items() if self.gate.knows(name)}

    def knows(self, model: str) -> bool:
        """Whether the operator lets a model of it be used."""
        return self.gate is None or self.gate.knows(model)

    def used_by(self, contract: builtins.type) -> object:
        """The provider as somebody uses it by a contract: within its limits."""
        if self.gate is None:
            return self.provider
        from dinrail_core.host.dispatch.proxies import proxy  # few instances have limits

        through = proxy(contract, self.gate.through(self.provider))
        return self.provider if through is None else through

    async def health(self, older_than: float = 0.0) -> Health:
        """How it does, looked at now (within 2 s)."""
        if self.provider is None:
            return Health(State.UNREACHABLE, self.reason or "not open")
        if self.listing is not None:
            await self.listing.refresh(older_than=older_than, within=_LOOK_LIMIT)
        if isinstance(self.provider, Checked):
            try:
                async with asyncio.timeout(_LOOK_LIMIT):
                    health = await self.provider.health()
            except TimeoutError:
                return Health(State.UNREACHABLE, "it does not answer")
            except (Exception, SystemExit) as error:  # a provider's code may raise anything; looking must not fail
                return Health(State.UNREACHABLE, f"looking at it failed ({type(error).__name__})")
            if isinstance(health, Health):
                return health
            return Health(State.UNREACHABLE, "it cannot tell how it does")
        if self.listing is not None:
            return self.listing.health or Health(State.UNREACHABLE, "it has not answered yet")
        return Health(State.READY)

    async def status(self) -> ProviderStatus:
        """As ``GET /v1/providers`` shows it."""
        health = await self.health(older_than=1.0)
        return ProviderStatus(
            id=self.name,
            object="provider",
            type=self.type.name,
            distribution=self.plugin.installed.distribution,
            version=self.plugin.installed.version,
            apis=sorted(contract.__name__ for contract in self.apis - ABOUT_ITSELF),
            status=health.state.value if self.provider is not None else "failed",
            reason=health.reason,
            models=len(self.models) if self.listing is not None else None,
        )

    def _set_aside(self, reason: str) -> None:
        self.provider = None
        self.reason = self.plugin.faults[self.name] = without_secrets(reason, self.config)
        if self.listing is not None:
            self.listing.halt()


def plan_instances(
    types: Mapping[str, tuple[Plugin, ProviderType]],
    lost: Mapping[str, Plugin],
    settings: Settings,
    environment: Mapping[str, str],
) -> dict[str, Instance]:
    """The instances that the configuration names, and those that are detected.

    What the operator wrote must be right; what a plugin detects on its own must not stop the start, so a plugin whose
    detection fails, or finds what its own configuration class refuses, has no detected instance.

    Args:
        types: Provider types by name.
        lost: Plugins whose provider types cannot be had, by what ``type`` may say of them: an instance of theirs is
            shown with the reason and serves nothing, since the operator's file is not at fault.
        settings: The configuration.
        environment: Variables that detection looks at.

    Raises:
        ConfigurationError: An instance is of an unknown type, or its keys do not fit.
    """
    instances: dict[str, Instance] = {}
    for name, table in settings.providers.items():
        kind = table["type"]
        if kind in types:
            plugin, record = types[kind]
            keys = {key: value for key, value in table.items() if key not in ("type", "limits")}
            config = ensure_valid(record.config, keys, f"providers.{name}")
            instances[name] = Instance(name, record, plugin, config, gate=_gate(name, table.get("limits")))
        elif kind in lost:
            instances[name] = _lost(name, kind, lost[kind])
        else:
            known = ", ".join(sorted(types)) or "none is installed"
            raise ConfigurationError(
                f"no installed plugin has the provider type '{kind}' (there are: {known}){did_you_mean(kind, types)}",
                key=f"providers.{name}.type",
            )
    configured = {instance.type.name for instance in instances.values()}
    for kind, (plugin, record) in types.items():
        if kind not in configured and kind not in instances:
            detected = _detected(plugin, record, environment)
            if detected is not None:
                instances[kind] = detected
    return instances


def _gate(name: str, limits: object) -> Gate | None:
    """What holds an instance to ``[providers.NAME.limits]``.

    Raises:
        ConfigurationError: A key is unknown or has a bad value.
    """
    if limits is None:
        return None
    if not isinstance(limits, Mapping):
        raise ConfigurationError("must be a table", key=f"providers.{name}.limits")
    from dinrail_core.host.dispatch.gate import Gate  # few instances have limits
    from dinrail_core.host.dispatch.settings import LimitSettings

    return Gate(name, ensure_valid(LimitSettings, limits, f"providers.{name}.limits"))


def _detected(plugin: Plugin, record: ProviderType, environment: Mapping[str, str]) -> Instance | None:
    if record.detect is None:
        return None
    try:
        found = record.detect(environment)
        if found is None:
            return None
        return Instance(record.name, record, plugin, ensure_valid(record.config, found, ""))
    except ConfigurationError as error:
        plugin.faults[record.name] = f"what it detects does not fit its own configuration ({error})"
    except (Exception, SystemExit) as error:  # a plugin's code may raise anything, and must cost only its plugin
        plugin.faults[record.name] = f"its detection failed ({reason_of(error)})"
    return None


class _Unchecked(BaseModel):
    """The configuration of an instance whose plugin could not say what it must be."""

    model_config = ConfigDict(extra="forbid")


def _lost(name: str, kind: str, plugin: Plugin) -> Instance:
    """An instance of a plugin that is not used.

    Raises:
        ConfigurationError: It waits for the operator's consent.
    """
    if plugin.state is PluginState.OFF:
        raise ConfigurationError(f"the plugin '{plugin.name}' is off: {plugin.reason}", key=f"providers.{name}.type")

    def never(config: object, context: Context) -> AbstractAsyncContextManager[object]:
        raise OpenError(str(plugin.reason))

    record = ProviderType(name=kind, config=_Unchecked, apis=frozenset(), open=never)
    return Instance(name, record, plugin, _Unchecked(), reason=plugin.reason)

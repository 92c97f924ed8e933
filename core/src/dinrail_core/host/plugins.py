"""Loading plugins one by one, inside a guard: a broken one is set aside with its reason, the rest serve."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any

import pluggy

from dinrail_core import PLUGIN_API
from dinrail_core.api.providers import PluginStatus
from dinrail_core.errors import ConfigurationError
from dinrail_core.hooks import specs
from dinrail_core.hooks.markers import PROJECT
from dinrail_core.host.discovery import Installed, discover
from dinrail_core.host.reasons import reason_of
from dinrail_core.host.soundness import unsound

__all__ = ["Plugin", "PluginState", "Plugins"]

_PREFIX = "dinrail_"
_MARK = f"{PROJECT}_impl"
"""Where pluggy's marker leaves the options of a hook."""
_PROVIDERS = "providers"


class PluginState(Enum):
    """What became of an installed plugin."""

    ENABLED = "enabled"
    OFF = "off"
    DISABLED = "disabled"
    FAILED = "failed"


@dataclass(slots=True)
class Plugin:
    """An installed plugin and what became of it.

    Attributes:
        installed: What its metadata says.
        state: Whether its records are used.
        reason: Why not.
        faults: Why a part of it (an instance, a service) does not work, by the part's name; the other parts serve.
        notes: What the operator may want to know of a part that is not used, though nothing is wrong with it.
        declared: The records that its hooks returned, also where it was set aside for them.
    """

    installed: Installed
    state: PluginState
    reason: str | None = None
    faults: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    declared: list[Any] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The entry point's name."""
        return self.installed.name

    def fail(self, reason: str) -> None:
        """Set the whole of it aside; the first reason is the one that is kept."""
        if self.state is not PluginState.FAILED:
            self.state, self.reason = PluginState.FAILED, reason

    def status(self) -> PluginStatus:
        """As ``GET /v1/providers`` shows it; one that has lost a part counts as failed."""
        faults = _listed(self.faults)
        return PluginStatus(
            id=self.name,
            object="plugin",
            distribution=self.installed.distribution,
            version=self.installed.version,
            state=PluginState.FAILED.value if faults else self.state.value,
            reason=self.reason or faults or _listed(self.notes) or None,
            extends=sorted(self.installed.extends),
        )


class Plugins:
    """The plugins of one host.

    Args:
        enable: Names that the operator allows to extend the server.
        disable: Names that the operator wants off.
        installed: What is installed; found from metadata where not given.

    Raises:
        ConfigurationError: ``enable`` or ``disable`` names what is not installed.
    """

    def __init__(
        self, enable: Iterable[str] = (), disable: Iterable[str] = (), installed: Sequence[Installed] | None = None
    ) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._modules: set[ModuleType] = set()
        self._manager.add_hookspecs(specs)
        self._loaded: set[str] = set()
        self.all: list[Plugin] = []
        enabled, disabled = frozenset(enable), frozenset(disable)
        owners: dict[str, Plugin] = {}
        for item in discover() if installed is None else installed:
            plugin = Plugin(item, *_consent(item, enabled, disabled))
            if item.fault is not None:
                plugin.fail(item.fault)
            first = owners.setdefault(item.name, plugin)
            if first is not plugin:
                plugin.fail(f"the name '{item.name}' is taken by {first.installed.distribution}")
            self.all.append(plugin)
        for key, names in (("plugins.enable", enabled), ("plugins.disable", disabled)):
            for name in sorted(names - owners.keys()):
                raise ConfigurationError(f"no plugin named '{name}' is installed", key=key)

    def load(self, extending: str | None = None) -> None:
        """Import the enabled plugins, or of them only those whose metadata says that they extend ``extending``."""
        for plugin in self.all:
            wanted = extending is None or extending in plugin.installed.extends
            if wanted and plugin.state is PluginState.ENABLED and plugin.name not in self._loaded:
                self._load(plugin)

    def records(self, hook: str, key: Callable[[Any], str], kind: type | tuple[type, ...]) -> list[tuple[Plugin, Any]]:
        """What the plugins return from ``hook``; one that raises, or claims a taken key, is set aside with all it has.

        Args:
            hook: The hook's name without prefix.
            key: What must be unique among the records, in words that complete "… is taken".
            kind: The class of the records, or several; errors speak of the first.
        """
        owners: dict[str, Plugin] = {}
        found: list[tuple[Plugin, Any]] = []
        for plugin in self.all:
            records = self._call(plugin, hook, kind)
            for record in records:
                owner = owners.get(key(record))
                if owner is not None:
                    plugin.fail(f"{key(record)} is taken by {owner.installed.distribution}")
                    break
            else:
                if len({key(record) for record in records}) < len(records):
                    plugin.fail(f"its hook {_PREFIX}{hook} returned two records of one name")
                    continue
                owners.update((key(record), plugin) for record in records)
                found += [(plugin, record) for record in records]
        return found

    def _load(self, plugin: Plugin) -> None:
        self._loaded.add(plugin.name)
        try:
            module = importlib.import_module(plugin.installed.module)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a plugin may exit the process, and a panic in Rust is no Exception
            return plugin.fail(f"it cannot be imported ({reason_of(error)})")
        found = _Hooks(module)
        hooks = found.by_specification()
        if reason := _misfit(module) or _unfit_hooks(hooks) or _undeclared(hooks, plugin.installed):
            return plugin.fail(reason)
        try:
            if module in self._modules:
                raise ValueError("its module is that of another plugin")
            self._modules.add(module)
            self._manager.register(found, plugin.name)
        except Exception as error:  # pluggy refuses with errors of several kinds; only this plugin is to suffer
            return plugin.fail(f"its hooks do not fit this core ({reason_of(error)})")
        return None

    def _call(self, plugin: Plugin, hook: str, kind: type | tuple[type, ...]) -> list[Any]:
        if plugin.state is not PluginState.ENABLED:
            return []
        caller = getattr(self._manager.hook, _PREFIX + hook)
        records: list[Any] = []
        for implementation in caller.get_hookimpls():
            if implementation.plugin_name != plugin.name:
                continue
            try:
                records += implementation.function()
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # as for the import
                plugin.fail(f"its hook {_PREFIX}{hook} failed ({reason_of(error)})")
                return []
        for record in records:
            if reason := unsound(record, kind):
                plugin.fail(f"its hook {_PREFIX}{hook} returned {reason}")
                return []
        plugin.declared += records
        return records


class _Hooks:
    """The hooks of a module and nothing else: pluggy looks closely at every name, and a module has many.

    Args:
        module: What a plugin's entry point names.
    """

    def __init__(self, module: ModuleType) -> None:
        for name, value in vars(module).items():
            if inspect.isfunction(value) and hasattr(value, _MARK):
                setattr(self, name, value)

    def __dir__(self) -> list[str]:
        return list(vars(self))

    def by_specification(self) -> dict[str, Callable[..., object]]:
        """The hooks under the names of the specifications that they claim to implement."""
        return {getattr(hook, _MARK).get("specname") or name: hook for name, hook in vars(self).items()}


def _listed(reasons: Mapping[str, str]) -> str:
    return "; ".join(f"{part}: {reason}" for part, reason in reasons.items())


def _consent(item: Installed, enabled: frozenset[str], disabled: frozenset[str]) -> tuple[PluginState, str | None]:
    if item.name in disabled:
        return PluginState.DISABLED, "disabled in the configuration"
    if item.extends and not item.bundled and item.name not in enabled:
        what = ", ".join(sorted(item.extends))
        return PluginState.OFF, f'it adds {what}; to allow that: [plugins] enable = ["{item.name}"]'
    return PluginState.ENABLED, None


def _misfit(module: ModuleType) -> str | None:
    """Why the module was built for another core, or ``None``."""
    stated = getattr(module, "DINRAIL_API", None)
    if not isinstance(stated, str):
        return 'it does not state the plugin API that it was built for (DINRAIL_API = ">=1.0,<2")'
    for clause in stated.split(","):
        match = re.fullmatch(r"\s*(>=|<=|==|<|>)\s*(\d+)(?:\.(\d+))?\s*", clause)
        if match is None:
            return f"it states a plugin API that cannot be read: {stated!r}"
        wanted = (int(match[2]), int(match[3] or 0))
        fits = {
            ">=": wanted <= PLUGIN_API,
            "<=": wanted >= PLUGIN_API,
            "==": wanted == PLUGIN_API,
            "<": wanted > PLUGIN_API,
            ">": wanted < PLUGIN_API,
        }
        if not fits[match[1]]:
            return f"it was built for plugin API {stated}, this core has {PLUGIN_API[0]}.{PLUGIN_API[1]}"
    return None


def _unfit_hooks(hooks: Mapping[str, Callable[..., object]]) -> str | None:
    unknown = sorted(name for name in hooks if not hasattr(specs, name))
    if unknown:
        return f"it implements a hook that this core does not have: {', '.join(unknown)}"
    asynchronous = sorted(
        name for name, hook in hooks.items() if inspect.iscoroutinefunction(hook) or inspect.isasyncgenfunction(hook)
    )
    return f"a hook must not be async: {', '.join(asynchronous)}" if asynchronous else None


def _undeclared(hooks: Iterable[str], installed: Installed) -> str | None:
    """A plugin widens only what its metadata says, so that the operator was told before its code ran."""
    undeclared = sorted({name.removeprefix(_PREFIX) for name in hooks} - {_PROVIDERS} - installed.extends)
    if undeclared:
        return f"it adds {', '.join(undeclared)} without saying so in its metadata (entry-point group dinrail.extends)"
    return None

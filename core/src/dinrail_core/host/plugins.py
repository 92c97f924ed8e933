"""Loading plugins one by one, inside a guard: a broken one is set aside with its reason, the rest serve."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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

__all__ = ["Plugin", "PluginState", "Plugins"]

_PREFIX = "dinrail_"
_PROVIDERS = "providers"


class PluginState(Enum):
    """What became of an installed plugin."""

    ENABLED = "enabled"
    OFF = "off"
    DISABLED = "disabled"
    FAILED = "failed"


@dataclass(slots=True)
class Plugin:
    """An installed plugin and what became of it."""

    installed: Installed
    state: PluginState
    reason: str | None = None

    @property
    def name(self) -> str:
        """The entry point's name."""
        return self.installed.name

    def fail(self, reason: str) -> None:
        """Set it aside; the first reason is the one that is kept."""
        if self.state is not PluginState.FAILED:
            self.state, self.reason = PluginState.FAILED, reason

    def status(self) -> PluginStatus:
        """As ``GET /v1/providers`` shows it."""
        return PluginStatus(
            id=self.name,
            object="plugin",
            distribution=self.installed.distribution,
            version=self.installed.version,
            state=self.state.value,
            reason=self.reason,
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
        self._manager.add_hookspecs(specs)
        self._loaded: set[str] = set()
        self.all: list[Plugin] = []
        enabled, disabled = frozenset(enable), frozenset(disable)
        owners: dict[str, Plugin] = {}
        for item in discover() if installed is None else installed:
            plugin = Plugin(item, *_consent(item, enabled, disabled))
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

    def records(self, hook: str, key: Callable[[Any], str], kind: type) -> Iterator[tuple[Plugin, Any]]:
        """What the plugins return from ``hook``; one that raises, or claims a taken key, is set aside.

        Args:
            hook: The hook's name without prefix.
            key: What must be unique among the records, in words that complete "… is taken".
            kind: The class of the records.
        """
        owners: dict[str, Plugin] = {}
        for plugin in self.all:
            for record in self._call(plugin, hook, kind):
                owner = owners.setdefault(key(record), plugin)
                if owner is not plugin:
                    plugin.fail(f"{key(record)} is taken by {owner.installed.distribution}")
                    break
                yield plugin, record

    def _load(self, plugin: Plugin) -> None:
        self._loaded.add(plugin.name)
        try:
            module = importlib.import_module(plugin.installed.module)
        except (Exception, SystemExit) as error:  # a plugin's code may raise anything, and must cost only its plugin
            return plugin.fail(f"it cannot be imported ({_sentence(error)})")
        if reason := _misfit(module) or _unknown_hooks(module) or _undeclared(module, plugin.installed):
            return plugin.fail(reason)
        self._manager.register(module, plugin.name)
        return None

    def _call(self, plugin: Plugin, hook: str, kind: type) -> list[Any]:
        if plugin.state is not PluginState.ENABLED:
            return []
        caller = getattr(self._manager.hook, _PREFIX + hook)
        for implementation in caller.get_hookimpls():
            if implementation.plugin_name != plugin.name:
                continue
            try:
                records = list(implementation.function())
            except (Exception, SystemExit) as error:  # as for the import
                plugin.fail(f"its hook {_PREFIX}{hook} failed ({_sentence(error)})")
                return []
            for record in records:
                if not isinstance(record, kind):
                    plugin.fail(f"its hook {_PREFIX}{hook} returned a {type(record).__name__}, not a {kind.__name__}")
                    return []
            return records
        return []


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


def _hooks(module: ModuleType) -> list[str]:
    return [
        name for name, value in vars(module).items() if name.startswith(_PREFIX) and hasattr(value, f"{PROJECT}_impl")
    ]


def _unknown_hooks(module: ModuleType) -> str | None:
    unknown = sorted(name for name in _hooks(module) if not hasattr(specs, name))
    return f"it implements a hook that this core does not have: {', '.join(unknown)}" if unknown else None


def _undeclared(module: ModuleType, installed: Installed) -> str | None:
    """A plugin widens only what its metadata says, so that the operator was told before its code ran."""
    implemented = {name.removeprefix(_PREFIX) for name in _hooks(module)} - {_PROVIDERS}
    undeclared = sorted(implemented - installed.extends)
    if undeclared:
        return f"it adds {', '.join(undeclared)} without saying so in its metadata (entry-point group dinrail.extends)"
    return None


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__

"""The plugins that stand in this repository, whatever else is installed beside them."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from dinrail_core.hooks.http import Route, RouteGroup
from dinrail_core.hooks.markers import ENTRY_POINTS, EXTENDS
from dinrail_core.hooks.records import Command, ProviderType, Section, ServiceType
from dinrail_core.host.discovery import Installed
from dinrail_core.host.operations import operations
from dinrail_core.host.plugins import Plugins, PluginState

__all__ = ["Member", "Tree"]

R = TypeVar("R")


@dataclass(frozen=True)
class Member:
    """A folder with a distribution that is a plugin.

    Attributes:
        folder: The folder, relative to the repository.
        project: The table ``[project]`` of its ``pyproject.toml``.
    """

    folder: str
    project: dict[str, Any]

    @property
    def installed(self) -> list[Installed]:
        """Its plugins, as discovery would find them."""
        groups = self.project.get("entry-points", {})
        return [
            Installed(
                name=name,
                distribution=self.project["name"],
                version=self.project["version"],
                module=module,
                extends=frozenset(hook for hook, at in groups.get(EXTENDS, {}).items() if at == module),
                bundled=True,
            )
            for name, module in groups[ENTRY_POINTS].items()
        ]


class Tree:
    """What the pages are made from.

    Args:
        root: The repository.

    Raises:
        RuntimeError: A plugin cannot be loaded; a page without it would be wrong.
    """

    def __init__(self, root: Path) -> None:
        files = sorted([*root.glob("plugins/*/pyproject.toml"), root / "plugin-sdk" / "pyproject.toml"])
        members = [
            Member(str(file.parent.relative_to(root)), tomllib.loads(file.read_text(encoding="utf-8"))["project"])
            for file in files
        ]
        self.root = root
        self.members = [member for member in members if ENTRY_POINTS in member.project.get("entry-points", {})]
        # A plugin that was added a minute ago is part of the tree, whether it was installed meanwhile or not.
        sys.path += [path for file in files if (path := str(file.parent / "src")) not in sys.path]
        self.plugins = Plugins(installed=[plugin for member in self.members for plugin in member.installed])
        self.plugins.load()
        self._refuse_failures()

    @cached_property
    def providers(self) -> list[tuple[str, ProviderType]]:
        """Provider types with the distribution that declares them."""
        return self._records("providers", lambda record: record.name, ProviderType)

    @cached_property
    def services(self) -> list[tuple[str, ServiceType]]:
        """Services with the distribution that declares them."""
        return self._records("services", lambda record: record.name, ServiceType)

    @cached_property
    def sections(self) -> list[tuple[str, Section]]:
        """Sections of the configuration with the distribution that declares them."""
        return self._records("sections", lambda record: record.name, Section)

    @cached_property
    def routes(self) -> list[tuple[str, Route]]:
        """Operations of the HTTP interface with the distribution that declares them."""
        found = self.plugins.records("routes", repr, (Route, RouteGroup))
        self._refuse_failures()
        return [(plugin.installed.distribution, route) for plugin, record in found for route in operations([record])]

    @cached_property
    def commands(self) -> list[tuple[str, Command]]:
        """Commands that plugins declare, with the distribution that does."""
        return self._records("commands", lambda record: record.name, Command)

    def _records(self, hook: str, key: Callable[[Any], str], kind: type[R]) -> list[tuple[str, R]]:
        found = self.plugins.records(hook, key, kind)
        self._refuse_failures()
        return [(plugin.installed.distribution, record) for plugin, record in found]

    def _refuse_failures(self) -> None:
        failed = [f"{p.name}: {p.reason}" for p in self.plugins.all if p.state is not PluginState.ENABLED]
        if failed:
            raise RuntimeError("The reference needs every plugin. " + "; ".join(failed))

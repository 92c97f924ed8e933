"""A rig of plugins that exist in memory alone, but are imported, checked and opened as installed ones are."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from dinrail_core.api.jobs import JobKind, JobRun
from dinrail_core.hooks import Context, ProviderType, ServiceType, hookimpl
from dinrail_core.host import Host, Plan, Plugins, Settings
from dinrail_core.host.discovery import Installed
from dinrail_core.host.settings import load_settings


class NoConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")


async def _never(service: object, job: JobRun) -> None:
    raise AssertionError("no job of the rig is done")


class Modules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports modules from memory and remembers which were imported."""

    def __init__(self) -> None:
        self.members: dict[str, Mapping[str, Any] | BaseException] = {}
        self.imported: list[str] = []

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(fullname, self) if fullname in self.members else None

    def exec_module(self, module: ModuleType) -> None:
        self.imported.append(module.__name__)
        members = self.members[module.__name__]
        if isinstance(members, BaseException):
            raise members
        vars(module).update(members)


class Rig:
    """Builds plugins, plans and hosts.

    Attributes:
        events: What was opened and closed, in order, as ``"open echo"`` and ``"close echo"``.
    """

    def __init__(self, modules: Modules, data_dir: Path) -> None:
        self._modules = modules
        self._data_dir = data_dir
        self.installed: list[Installed] = []
        self.events: list[str] = []

    @property
    def imported(self) -> list[str]:
        """The plugins whose modules were imported, in order."""
        return [name.removeprefix("rig_").removesuffix("_plugin") for name in self._modules.imported]

    def plugin(
        self,
        name: str,
        *,
        distribution: str | None = None,
        extends: Iterable[str] = (),
        bundled: bool = False,
        api: object = ">=1.0,<2",
        raises: BaseException | None = None,
        members: Mapping[str, Any] | None = None,
        **hooks: Iterable[object] | Callable[[], Any],
    ) -> Installed:
        """Install a plugin; ``hooks`` are what each hook (named without prefix) returns, or the hook itself."""
        distribution = distribution or f"rig-{name}"
        module = f"rig_{len(self.installed)}_{name.replace('-', '_')}_plugin"
        found: dict[str, Any] = {} if api is None else {"DINRAIL_API": api}
        for hook, answer in hooks.items():
            found[f"dinrail_{hook}"] = hookimpl(answer if callable(answer) else _returning(answer))
        self._modules.members[module] = raises if raises is not None else found | dict(members or {})
        installed = Installed(name, distribution, "1.2.3", module, frozenset(extends), bundled)
        self.installed.append(installed)
        return installed

    def provider(
        self,
        name: str,
        opened: object,
        *,
        apis: Iterable[type],
        config: type[BaseModel] = NoConfig,
        detect: Callable[[Mapping[str, str]], Mapping[str, object] | None] | None = None,
    ) -> ProviderType:
        """A provider type whose ``open`` yields ``opened``."""
        return ProviderType(
            name=name, config=config, apis=frozenset(apis), open=self.opening(name, opened), detect=detect
        )

    def service(
        self,
        name: str,
        opened: object,
        *,
        provides: Iterable[type],
        requires: Iterable[type] = (),
        eager: bool = False,
        config: type[BaseModel] = NoConfig,
        jobs: Iterable[str] = (),
    ) -> ServiceType:
        """A service whose ``open`` yields ``opened``."""
        return ServiceType(
            name=name,
            config=config,
            provides=frozenset(provides),
            requires=frozenset(requires),
            open=self.opening(name, opened),
            eager=(lambda config, context: True) if eager else None,
            jobs=tuple(JobKind(name=kind, run=_never) for kind in jobs),
        )

    def opening(self, name: str, opened: object) -> Callable[[Any, Context], Any]:
        """An ``open`` that notes when it is entered and left; it raises ``opened`` where that is an exception."""

        @asynccontextmanager
        async def open_it(config: BaseModel, context: Context) -> AsyncIterator[object]:
            self.events.append(f"open {name}")
            if isinstance(opened, BaseException):
                raise opened
            yield opened
            self.events.append(f"close {name}")

        return open_it

    def plugins(self, *, enable: Iterable[str] = (), disable: Iterable[str] = ()) -> Plugins:
        """The installed plugins, as the host sees them."""
        return Plugins(enable, disable, self.installed)

    def settings(self, tree: Mapping[str, Any] | None = None) -> Settings:
        """Settings from a tree like a file's, with a data folder of this test's own."""
        return load_settings(environment={}, overrides={"data_dir": str(self._data_dir), **(tree or {})})

    def plan(self, tree: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None) -> Plan:
        """A plan of the installed plugins."""
        settings = self.settings(tree)
        plugins = self.plugins(enable=settings.plugins.enable, disable=settings.plugins.disable)
        return Plan(settings, environment or {}, plugins)

    @asynccontextmanager
    async def host(
        self, tree: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
    ) -> AsyncIterator[Host]:
        """An open host of the installed plugins."""
        async with Host.open(self.plan(tree, environment)) as host:
            yield host


def _returning(answer: Iterable[object]) -> Callable[[], Iterable[object]]:
    def hook() -> Iterable[object]:
        return answer

    return hook


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.chdir(tmp_path)
    modules = Modules()
    sys.meta_path.append(modules)
    yield Rig(modules, tmp_path / "data")
    sys.meta_path.remove(modules)
    for name in modules.members:
        sys.modules.pop(name, None)

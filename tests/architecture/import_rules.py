"""Which module may import which."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions

from house import Distribution, House

LAYERS = ("errors", "api", "hooks", "host", "cli")
"""The core's layers; each may import those before it."""

OPEN_TO_PLUGINS = ("errors", "api", "hooks")
"""The core's layers that the SDK and plugins may import."""

HOST_USERS = frozenset({"plugins/server"})
"""Folders that may import the host: the server is what opens one."""

COMES_WITH = {
    "pydantic": "dinrail-core",  # the core's contracts are made of it
    "dinrail-core": "dinrail-sdk",
    "pydantic-core": "pydantic",
    "multidict": "aiohttp",
    "yarl": "aiohttp",
}
"""Distributions that are a part of another one's interface, so that requiring that one is enough."""


def core_imports_downwards(house: House) -> Iterator[str]:
    """cli ─▶ host ─▶ hooks ─▶ api ─▶ errors, also inside functions and for type checkers."""
    for module in house.modules.values():
        if module.package != "dinrail_core" or module.name == "dinrail_core":
            continue
        own = LAYERS.index(layer) if (layer := _layer(module.name)) in LAYERS else None
        if own is None:
            yield f"{module.path}: stands in no layer ({', '.join(LAYERS)})"
            continue
        for found in house.imports(module):
            layer = _layer(found.name)
            if layer in LAYERS and LAYERS.index(layer) > own:
                yield f"{module.path}:{found.line}: {LAYERS[own]} imports {found.name}"


def packages_import_downwards(house: House) -> Iterator[str]:
    """The server ─▶ host; other plugins ─▶ SDK ─▶ hooks, api, errors; never another plugin."""
    ours = {distribution.package: distribution for distribution in house.distributions}
    for module in house.modules.values():
        distribution = ours[module.package]
        for found in house.imports(module):
            package = found.name.partition(".")[0]
            if package in ours or package.startswith("dinrail_"):
                reason = _forbidden(distribution, package, found.name)
                if reason:
                    yield f"{module.path}:{found.line}: {reason} ({found.name})"


def _forbidden(distribution: Distribution, package: str, name: str) -> str | None:
    if package == distribution.package:
        return None
    if distribution.folder == "core":
        return "the core imports nothing of ours"
    if package == "dinrail_core":
        allowed = {*OPEN_TO_PLUGINS, *(["host"] if distribution.folder in HOST_USERS else [])}
        return (
            None if name == "dinrail_core" or _layer(name) in allowed else "this layer of the core is not for plugins"
        )
    if distribution.folder == "plugin-sdk":
        return "the SDK imports no plugin"
    return None if package == "dinrail_sdk" else "a plugin imports no other plugin"


def declarations_import_little(house: House) -> Iterator[str]:
    """``plugin.py`` imports the core, pydantic, the standard library, and light modules of its own and of the SDK.

    That these are light indeed, a test at run time looks at.
    """
    for distribution in house.distributions:
        module = house.modules.get(f"{distribution.package}.plugin")
        if module is None or not (distribution.is_plugin or distribution.folder == "plugin-sdk"):
            continue
        allowed = {"dinrail_core", "dinrail_sdk", "pydantic", distribution.package}
        for found in house.imports(module):
            package = found.name.partition(".")[0]
            if found.top_level and package not in allowed and package not in sys.stdlib_module_names:
                yield f"{module.path}:{found.line}: imports {found.name} when it is imported"


def imports_are_declared(house: House) -> Iterator[str]:
    """What a distribution imports of others it requires, at least for an extra."""
    folders = {distribution.package: distribution for distribution in house.distributions}
    faults = []
    for module in house.modules.values():
        required = _required(folders[module.package])
        for found in house.imports(module):
            package = found.name.partition(".")[0]
            if package == module.package or package in sys.stdlib_module_names or found.typing_only:
                continue
            if not any(_is_required(name, required) for name in _providers(package)):
                faults.append(
                    f"{module.path}:{found.line}: imports {package}, which its pyproject.toml does not require"
                )
    yield from dict.fromkeys(faults)


def modules_import_absolutely(house: House) -> Iterator[str]:
    """``from .x import y`` hides from a reader, and from the other rules, what is imported."""
    for module in house.modules.values():
        for number, line in enumerate(module.lines, 1):
            if re.match(r"\s*from\s+\.", line):
                yield f"{module.path}:{number}: imports relatively"


def _layer(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == "dinrail_core" and len(parts) > 1 else ""


def _is_required(name: str, required: set[str]) -> bool:
    return name in required or (name in COMES_WITH and _is_required(COMES_WITH[name], required))


def _required(distribution: Distribution) -> set[str]:
    project = distribution.pyproject.get("project", {})
    extras = project.get("optional-dependencies", {}).values()
    lines = [*project.get("dependencies", []), *(line for extra in extras for line in extra)]
    return {_normalise(re.split(r"[^A-Za-z0-9._-]", line.strip(), maxsplit=1)[0]) for line in lines}


def _providers(package: str) -> set[str]:
    return {_normalise(name) for name in _installed().get(package, [package])}


@cache
def _installed() -> dict[str, list[str]]:
    return {name: list(distributions) for name, distributions in packages_distributions().items()}


def _normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()

"""Which plugins are installed, read from metadata alone: no plugin's code runs here."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

import importlib_metadata as metadata

from dinrail_core.hooks.markers import ENTRY_POINTS, EXTENDS

__all__ = ["BUNDLE", "Installed", "discover", "normalise"]

BUNDLE = "dinrail"
"""The distribution whose direct requirements are trusted to extend the server without being named by the operator."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A plugin as its distribution's metadata describes it.

    Attributes:
        name: The entry point's name.
        distribution: The distribution's name.
        version: The distribution's version.
        module: The module that declares the plugin.
        extends: What it adds beyond providers, as hook names without prefix (``routes``, ``services``, …).
        bundled: Whether the bundle requires its distribution.
        fault: Why the metadata cannot be read, where it cannot.
    """

    name: str
    distribution: str
    version: str
    module: str
    extends: frozenset[str]
    bundled: bool
    fault: str | None = None


def discover() -> list[Installed]:
    """Every installed plugin, sorted so that the bundle's come first and the order is the same everywhere."""
    bundled = _bundled()
    found: list[Installed] = []
    seen: set[str] = set()
    for distribution in metadata.Distribution.discover():
        plugins = _read(distribution, bundled)
        # The first on the path is the one that would be imported; a second copy is shadowed.
        found += [plugin for plugin in plugins if normalise(plugin.distribution) not in seen]
        seen |= {normalise(plugin.distribution) for plugin in plugins}
    return sorted(found, key=lambda plugin: (not plugin.bundled, plugin.distribution, plugin.name))


def _read(distribution: metadata.Distribution, bundled: frozenset[str]) -> list[Installed]:
    """The plugins of one distribution.

    The library's own ``entry_points()`` has no guard: one file that cannot be parsed, of any package whatever, would
    hide all plugins. And most packages' files need no parsing.
    """
    try:
        text = distribution.read_text("entry_points.txt") or ""
    except (OSError, UnicodeDecodeError):
        return []
    if not re.search(rf"^\s*\[\s*{ENTRY_POINTS}\s*\]", text, re.MULTILINE):
        return []
    try:
        about = distribution.metadata  # parsed anew whenever it is asked for
        name, version = about["Name"], about["Version"]
    except Exception:  # a half-removed installation has no metadata, and nothing names it; the library's errors vary
        return []
    try:
        points = list(distribution.entry_points)
    except Exception as error:  # a malformed file raises whatever the library's parser runs into
        fault = f"its entry points cannot be read ({type(error).__name__})"
        return [Installed(name, name, version, "", frozenset(), normalise(name) in bundled, fault)]
    extends: dict[str, set[str]] = defaultdict(set)
    for point in points:
        if point.group == EXTENDS:
            extends[point.value].add(point.name)
    return [
        Installed(
            name=point.name,
            distribution=name,
            version=version,
            module=point.value,
            extends=frozenset(extends[point.value]),
            bundled=normalise(name) in bundled,
        )
        for point in points
        if point.group == ENTRY_POINTS
    ]


def normalise(name: str) -> str:
    """A distribution's name as the packaging specification compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _bundled() -> frozenset[str]:
    try:
        requirements = metadata.distribution(BUNDLE).requires or []
    except metadata.PackageNotFoundError:
        return frozenset()
    return frozenset(normalise(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in requirements)

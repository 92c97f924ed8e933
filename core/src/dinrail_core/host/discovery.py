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
    """

    name: str
    distribution: str
    version: str
    module: str
    extends: frozenset[str]
    bundled: bool


def discover() -> list[Installed]:
    """Every installed plugin, sorted so that the bundle's come first and the order is the same everywhere."""
    extends: dict[tuple[str, str], set[str]] = defaultdict(set)
    for point in metadata.entry_points(group=EXTENDS):
        extends[_distribution(point), point.value].add(point.name)
    bundled = _bundled()
    found = {}
    for point in metadata.entry_points(group=ENTRY_POINTS):
        distribution = _distribution(point)
        plugin = Installed(
            name=point.name,
            distribution=distribution,
            version=point.dist.version if point.dist else "",
            module=point.value,
            extends=frozenset(extends[distribution, point.value]),
            bundled=normalise(distribution) in bundled,
        )
        found[plugin.distribution, plugin.name] = plugin
    return sorted(found.values(), key=lambda plugin: (not plugin.bundled, plugin.distribution, plugin.name))


def normalise(name: str) -> str:
    """A distribution's name as the packaging specification compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _distribution(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else "unknown"


def _bundled() -> frozenset[str]:
    try:
        requirements = metadata.distribution(BUNDLE).requires or []
    except metadata.PackageNotFoundError:
        return frozenset()
    return frozenset(normalise(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in requirements)

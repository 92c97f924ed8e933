"""From the one name that is given to all that must be named."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dinrail_core.errors import DinrailError

__all__ = ["PluginNames", "ScaffoldError", "name_plugin"]

_PREFIX = "dinrail-"
_LONGEST = 50


class ScaffoldError(DinrailError):
    """A plugin cannot be begun like this."""

    code = "scaffold_error"


@dataclass(frozen=True, slots=True)
class PluginNames:
    """The names in a new plugin, for ``acme-cloud``.

    Attributes:
        plugin: ``acme-cloud``, also the provider type and the entry point.
        distribution: ``dinrail-acme-cloud``.
        package: ``dinrail_acme_cloud``.
        cls: ``AcmeCloud``.
        constant: ``ACME_CLOUD``.
        variable: ``ACME_CLOUD_API_KEY``, in which its key is looked for.
    """

    plugin: str
    distribution: str
    package: str
    cls: str
    constant: str
    variable: str


def name_plugin(name: str) -> PluginNames:
    """The names that follow from ``name``.

    Args:
        name: Lower-case letters, digits and single hyphens, beginning with a letter; a leading ``dinrail-`` may be left
            out.

    Raises:
        ScaffoldError: It is no such name, or a distribution of that name is installed.
    """
    plugin = name.removeprefix(_PREFIX)
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", plugin) or len(plugin) > _LONGEST:
        raise ScaffoldError(f"{name!r} cannot be a plugin's name{_better(name)}: {_RULE}.")
    distribution = _PREFIX + plugin
    if _installed(distribution):
        raise ScaffoldError(f"A distribution {distribution} is installed already; choose another name.")
    words = plugin.split("-")
    snake = "_".join(words)
    return PluginNames(
        plugin=plugin,
        distribution=distribution,
        package=f"dinrail_{snake}",
        cls="".join(word[:1].upper() + word[1:] for word in words),
        constant=snake.upper(),
        variable=f"{snake.upper()}_API_KEY",
    )


_RULE = f"it has lower-case letters, digits and single hyphens, begins with a letter, and is at most {_LONGEST} long"


def _better(name: str) -> str:
    """The nearest name that would do, as PEP 503 normalises names."""
    nearest = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-").removeprefix(_PREFIX).lstrip("0123456789-")[:_LONGEST]
    return f" ({nearest!r} could)" if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", nearest) else ""


def _installed(distribution: str) -> bool:
    from importlib import metadata

    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True

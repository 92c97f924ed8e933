"""Carrying a set of plugins to a machine without network."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import importlib_metadata as metadata

from dinrail_core.errors import DinrailError, UpstreamUnavailable
from dinrail_core.host.discovery import BUNDLE, discover, normalise

__all__ = ["REQUIREMENTS", "freeze", "write_bundle"]

REQUIREMENTS = "requirements.txt"
"""The file beside the wheels that pins them."""

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")


def freeze() -> list[str]:
    """The plugins' distributions and all that they need here, as ``name==version`` lines, sorted."""
    return [f"{normalise(found.name)}=={found.version}" for found in _closure()]


def write_bundle(directory: Path) -> int:
    """Put the wheels of :func:`freeze` into a folder, with a requirements file beside them.

    What was installed from a folder is built from there, all else is fetched from the configured package index.

    Returns:
        How many wheels there are.

    Raises:
        UpstreamUnavailable: pip could not fetch or build one; its last line says why.
    """
    directory.mkdir(parents=True, exist_ok=True)
    distributions = _closure()
    fetched: list[str] = []
    built: list[str] = []
    for found in distributions:
        source = _source(found)
        (built if source else fetched).append(source or f"{found.name}=={found.version}")
    if fetched:
        _pip("download", "--only-binary", ":all:", "--no-deps", "--dest", str(directory), *fetched)
    if built:
        _pip("wheel", "--no-deps", "--wheel-dir", str(directory), *built)
    (directory / REQUIREMENTS).write_text("\n".join(freeze()) + "\n", encoding="utf-8")
    return len(list(directory.glob("*.whl")))


def _closure() -> list[metadata.Distribution]:
    """The plugins' distributions, the bundle, and what is installed of all that they require, extras included."""
    waiting = [(normalise(plugin.distribution), "") for plugin in discover()] + [(BUNDLE, "")]
    seen: set[tuple[str, str]] = set()
    found: dict[str, metadata.Distribution] = {}
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            found[name] = metadata.Distribution.from_name(name)
        except metadata.PackageNotFoundError:
            continue
        for line in found[name].requires or []:
            requirement, _, marker = line.partition(";")
            wanted = [normalise(one) for one in _EXTRA.findall(marker)]
            if extra in wanted or (not extra and not wanted):
                waiting += _parts(requirement)
    return [found[name] for name in sorted(found)]


def _parts(requirement: str) -> list[tuple[str, str]]:
    """A requirement's distribution, once without and once with each of its extras."""
    match = _REQUIREMENT.match(requirement)
    if match is None:
        return []
    extras = [normalise(extra.strip()) for extra in (match[2] or "").split(",") if extra.strip()]
    return [(normalise(match[1]), extra) for extra in ("", *extras)]


def _source(found: metadata.Distribution) -> str | None:
    """The folder that a distribution was installed from (PEP 610), or ``None``."""
    text = found.read_text("direct_url.json")
    if text is None:
        return None
    direct = json.loads(text)
    return unquote(urlsplit(direct["url"]).path) if "dir_info" in direct else None


def _pip(*arguments: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise DinrailError(
            "This needs pip beside Dinrail: run 'python -m ensurepip' in its environment, and try again."
        )
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise UpstreamUnavailable(f"pip {arguments[0]} failed: {lines[-1]}")

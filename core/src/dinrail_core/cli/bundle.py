"""Carrying a set of plugins to a machine without network."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import importlib_metadata as metadata

from dinrail_core.errors import DinrailError, UpstreamUnavailable
from dinrail_core.host.discovery import BUNDLE, discover, normalise

__all__ = ["freeze", "write_bundle"]

_REQUIREMENTS = "requirements.txt"


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
    (directory / _REQUIREMENTS).write_text("\n".join(freeze()) + "\n", encoding="utf-8")
    return len(list(directory.glob("*.whl")))


def _closure() -> list[metadata.Distribution]:
    """The plugins' distributions, the bundle, and what is installed of their requirements, extras left out."""
    waiting = [plugin.distribution for plugin in discover()] + [BUNDLE]
    found: dict[str, metadata.Distribution] = {}
    while waiting:
        name = normalise(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = metadata.Distribution.from_name(name)
        except metadata.PackageNotFoundError:
            continue
        for line in found[name].requires or []:
            requirement, _, marker = line.partition(";")
            if "extra" not in marker:
                waiting.append(re.split(r"[^A-Za-z0-9._-]", requirement.strip(), maxsplit=1)[0])
    return [found[name] for name in sorted(found)]


def _source(found: metadata.Distribution) -> str | None:
    """The folder that a distribution was installed from (PEP 610), or ``None``."""
    text = found.read_text("direct_url.json")
    if text is None:
        return None
    direct = json.loads(text)
    return unquote(urlsplit(direct["url"]).path) if "dir_info" in direct else None


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise DinrailError(f"pip could not be started ({type(error).__name__}).") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise UpstreamUnavailable(f"pip {arguments[0]} failed: {lines[-1]}")

"""Fills the templates in and writes them out, all or nothing."""

from __future__ import annotations

import os
import shutil
import string
import tempfile
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from dinrail_core import PLUGIN_API
from dinrail_core import __version__ as core_version
from dinrail_sdk import __version__ as sdk_version
from dinrail_sdk.scaffold.contracts import CONTRACTS
from dinrail_sdk.scaffold.names import PluginNames, ScaffoldError

__all__ = ["write_plugin"]

_SUFFIX = ".template"
"""What templates end in, so that no tool takes them for what they become."""


def write_plugin(names: PluginNames, contract: str, folder: Path) -> list[Path]:
    """Write a plugin.

    Args:
        names: What it is called.
        contract: A key of :data:`~dinrail_sdk.scaffold.contracts.CONTRACTS`.
        folder: Where it goes; it must not exist.

    Returns:
        Its files, relative to the folder, sorted.

    Raises:
        ScaffoldError: The folder exists, or cannot be written.
    """
    values = _values(names, contract)
    rendered = {path: string.Template(text).substitute(values) for path, text in _templates(names)}
    if os.path.lexists(folder):
        raise ScaffoldError(f"{folder} exists already; name another place with --directory.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
            made = Path(temporary) / folder.name
            for path, text in rendered.items():
                target = made / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8", newline="\n")
            shutil.move(made, folder)
    except OSError as error:
        raise ScaffoldError(f"{folder} cannot be written ({error.strerror or error}).") from error
    return sorted(rendered)


def _templates(names: PluginNames) -> Iterator[tuple[Path, str]]:
    """Every template with the path of the file that it becomes."""
    root = files("dinrail_sdk") / "templates" / "provider"
    # Under their own names, tests and hidden files would not be packed, or be taken for the SDK's.
    become = {"package": names.package, "suite": "tests", "gitignore": ".gitignore"}
    for path, entry in _walk(root, Path()):
        parts = path.with_name(path.name.removesuffix(_SUFFIX)).parts
        yield Path(*(become.get(part, part) for part in parts)), entry.read_text(encoding="utf-8")


def _walk(folder: Traversable, here: Path) -> Iterator[tuple[Path, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _walk(entry, here / entry.name)
        elif entry.name.endswith(_SUFFIX):
            yield here / entry.name, entry


def _values(names: PluginNames, contract: str) -> Mapping[str, str]:
    chosen = CONTRACTS[contract]
    path, body = chosen.tries
    imports = sorted(
        [f"from {chosen.module} import {chosen.abstract}", "from dinrail_core.api.provider import ModelSource"]
    )
    return {
        "plugin": names.plugin,
        "distribution": names.distribution,
        "package": names.package,
        "cls": names.cls,
        "constant": names.constant,
        "variable": names.variable,
        "abstract": chosen.abstract,
        "contract_imports": "\n".join(imports),
        "suites": ", ".join(sorted([chosen.suite, "ModelSourceSuite"])),
        "suite_imports": ", ".join(sorted([chosen.suite, "FakeUpstream", "ModelSourceSuite"])),
        "does": chosen.does,
        "try_path": path,
        "try_body": body.replace("MODEL", f"{names.plugin}/MODEL"),
        "plugin_api": f">={PLUGIN_API[0]}.{PLUGIN_API[1]},<{PLUGIN_API[0] + 1}",
        "core_range": _range(core_version),
        "sdk_range": _range(sdk_version),
    }


def _range(version: str) -> str:
    """What a plugin that is written against ``version`` can live with: the same minor version while there is no 1.0."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return f">={major}.{minor},<{major + 1}" if major else f">={major}.{minor},<{major}.{minor + 1}"

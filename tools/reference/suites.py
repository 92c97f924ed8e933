"""The conformance suites that the plugins of the tree run, read from their tests."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from dinrail_sdk.testing import Suite

__all__ = ["suites_of"]

S = TypeVar("S", bound=Suite)


def suites_of(root: Path, *bases: type[S], pattern: str = "test_*conformance.py") -> Iterator[type[S]]:
    """Every test class that derives from one of the suites, in the order of the files.

    Args:
        root: The repository.
        bases: Suites of the kit.
        pattern: Which files of a plugin's tests are looked at.
    """
    names = re.compile("|".join(base.__name__ for base in bases))
    for path in sorted(root.glob(f"plugins/*/tests/{pattern}")):
        if not names.search(path.read_text(encoding="utf-8")):
            continue
        # A plugin that was added a minute ago has suites, whether it was installed meanwhile or not.
        if (source := str(path.parents[1] / "src")) not in sys.path:
            sys.path.append(source)
        for kind in _classes(path):
            if issubclass(kind, bases) and kind.__module__ == _name(path):
                yield kind


def _name(path: Path) -> str:
    return f"suites_of_{path.parts[-3].replace('-', '_')}_{path.stem}"


def _classes(path: Path) -> Iterator[type[Suite]]:
    spec = importlib.util.spec_from_file_location(_name(path), path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, Suite):
            yield kind

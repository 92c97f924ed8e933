"""The tree as the rules see it: distributions, their modules, and what these import."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).parents[2]

_SOURCE = re.compile(r"(?P<folder>core|plugin-sdk|plugins/[^/]+)/src/(?P<module>\w+(?:/\w+)*)\.py")


@dataclass(frozen=True)
class Import:
    """One imported module.

    Attributes:
        name: The module, dotted; for ``from a import b`` it is ``a.b`` where that is a module of the house.
        line: Where.
        top_level: Whether importing the module that says so imports this one too.
        typing_only: Whether it is imported for type checkers alone.
    """

    name: str
    line: int
    top_level: bool
    typing_only: bool


@dataclass(frozen=True)
class Module:
    """A Python file of a distribution's ``src``."""

    path: str
    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, self.path)

    @cached_property
    def lines(self) -> list[str]:
        """The file's lines."""
        return self.text.splitlines()

    @property
    def package(self) -> str:
        """The first part of the name."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Distribution:
    """A folder that is published by itself.

    Attributes:
        folder: ``core``, ``plugin-sdk`` or ``plugins/<name>``.
        package: The package that it holds.
        pyproject: Its metadata.
    """

    folder: str
    package: str
    pyproject: dict[str, Any]

    @property
    def is_plugin(self) -> bool:
        """Whether it stands in ``plugins``."""
        return self.folder.startswith("plugins/")

    @property
    def plugin(self) -> str:
        """The folder's name."""
        return self.folder.rpartition("/")[2]


@dataclass(frozen=True)
class House:
    """The files of a tree."""

    root: Path
    files: tuple[str, ...]

    @classmethod
    def of(cls, root: Path) -> House:
        """What git tracks, or everything where there is no git."""
        if (root / ".git").exists():
            listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True, text=True)
            names = [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]
        else:
            names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
            names = [name for name in names if not any(part.startswith(".venv") for part in PurePosixPath(name).parts)]
        return cls(root, tuple(sorted(names)))

    def text(self, name: str) -> str:
        """A file's text; empty where it is not text."""
        try:
            return (self.root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            return ""

    def matching(self, pattern: str) -> list[str]:
        """The files whose whole name matches."""
        return [name for name in self.files if re.fullmatch(pattern, name)]

    @cached_property
    def modules(self) -> dict[str, Module]:
        """The modules of all distributions, by name."""
        found = {}
        for name in self.files:
            match = _SOURCE.fullmatch(name)
            if match:
                dotted = match["module"].replace("/", ".").removesuffix(".__init__")
                found[dotted] = Module(name, dotted, self.text(name))
        return found

    @cached_property
    def distributions(self) -> list[Distribution]:
        """The distributions, by folder."""
        packages: dict[str, set[str]] = {}
        for name in self.files:
            match = _SOURCE.fullmatch(name)
            if match:
                packages.setdefault(match["folder"], set()).add(match["module"].partition("/")[0])
        found = []
        for folder, names in sorted(packages.items()):
            pyproject = self.root / folder / "pyproject.toml"
            data = tomllib.loads(pyproject.read_text(encoding="utf-8")) if pyproject.exists() else {}
            found += [Distribution(folder, package, data) for package in sorted(names)]
        return found

    def imports(self, module: Module) -> Iterator[Import]:
        """All that a module imports, wherever it does, the name of a module in a string included.

        A table of names that a lazy ``__getattr__`` imports from would otherwise go unseen.
        """
        inside = _inner_nodes(module.tree)
        typing_only = _typing_only_nodes(module.tree)
        for node in ast.walk(module.tree):
            for name in self._names(node, module):
                yield Import(name, getattr(node, "lineno", 0), id(node) not in inside, id(node) in typing_only)

    def _names(self, node: ast.AST, module: Module) -> Iterator[str]:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(level=0, module=str(base)):
                for alias in node.names:
                    whole = f"{base}.{alias.name}"
                    yield whole if whole in self.modules else base
            case ast.ImportFrom():
                yield module.package  # relative imports are refused elsewhere; they stay inside the package
            case ast.Constant(value=str(text)) if text != module.name and "." in text and text in self.modules:
                yield text


def _inner_nodes(tree: ast.Module) -> set[int]:
    functions = [
        node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
    ]
    return {id(inner) for function in functions for inner in ast.walk(function)}


def _typing_only_nodes(tree: ast.Module) -> set[int]:
    return {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }

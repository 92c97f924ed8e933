"""Checks of one page each: every one returns its complaints."""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
import os
import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from markdown_pages import ROOT, Block, blocks, prose
from tools.reference.configuration import all_keys
from tools.reference.errors import codes_given, error_classes, status_of
from tools.reference.tree import Tree

from dinrail_core.cli.program import command_line
from dinrail_core.errors import ConfigurationError
from dinrail_core.host import Plan, Plugins, load_settings

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_SECRET = "a-secret-that-is-long-enough-to-be-a-good-one"
_HEADING = re.compile(r"^#{1,6} +(.*)$", re.MULTILINE)
_VARIABLE = re.compile(r"\bDINRAIL_[A-Z0-9_]+\b")
_FORBIDDEN = {
    "a path of somebody's machine": r"(?<![\w.$}])/(work|root|home/\w+|Users/\w+)/|(?<![\w.])/tmp/",
    "a host of a package registry": r"\b(pypi|pythonhosted|npmjs|crates|anaconda)\.(org|com|io)\b",
}


def broken_links(page: Path, text: str, root: Path = ROOT) -> list[str]:
    """Links to files or headings that are not there."""
    found = []
    for target in LINK.findall(prose(text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.is_relative_to(root.resolve()) or not file.exists():
            found.append(f"the link {target} leads nowhere")
        elif anchor and anchor not in _anchors(file.read_text(encoding="utf-8")):
            found.append(f"the link {target} names no heading of {file.name}")
    return found


def _anchors(text: str) -> set[str]:
    """Headings as their anchors are made: lower case, marks dropped, spaces as hyphens."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in _HEADING.findall(prose(text))}


def unsound_python(text: str) -> list[str]:
    """Blocks of Python that do not compile."""
    found = []
    for block in blocks(text):
        if block.language == "python":
            try:
                compile(block.text, "<block>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
            except SyntaxError as error:
                found.append(f"line {block.line + (error.lineno or 1)}: {error.msg}")
    return found


def unsound_toml(text: str, tree: Tree) -> list[str]:
    """Blocks of TOML that are neither a plugin's metadata nor a configuration that the program accepts."""
    found = []
    for block in blocks(text):
        if block.language != "toml" or block.file is not None:
            continue
        try:
            table = tomllib.loads(block.text)
        except tomllib.TOMLDecodeError as error:
            found.append(f"line {block.line}: {error}")
            continue
        if "project" in table:
            continue
        try:
            _plan(table, tree)
        except ConfigurationError as error:
            found.append(f"line {block.line}: {error}")
    return found


def _plan(table: Mapping[str, Any], tree: Tree) -> None:
    """Check a configuration as ``dinrail config check`` does, every secret being there.

    Raises:
        ConfigurationError: It is wrong.
    """
    installed = [plugin for member in tree.members for plugin in member.installed]
    secrets = dict.fromkeys(_secret_names(table), _SECRET)
    with mock.patch.dict(os.environ, secrets):
        settings = load_settings(Path(os.devnull), environment={}, overrides=_without_files(table))
        wanted = settings.plugins
        known = {plugin.name for plugin in installed}
        # Examples name plugins of somebody else; whether those are installed is no fault of the page.
        Plan(
            settings,
            environment={},
            plugins=Plugins(set(wanted.enable) & known, set(wanted.disable) & known, installed=installed),
        )


def _secret_names(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if value.keys() == {"env"}:
            yield value["env"]
        for item in value.values():
            yield from _secret_names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _secret_names(item)


def _without_files(value: Any) -> Any:
    """Secrets that stand in files as their text: the files are on the reader's machine."""
    if isinstance(value, dict):
        return _SECRET if value.keys() == {"file"} else {k: _without_files(v) for k, v in value.items()}
    return value


def unsound_commands(text: str, tree: Tree, targets: Iterable[str]) -> list[str]:
    """Commands in ``console`` blocks, and in the running text, that the program or the Makefile does not have."""
    parser, targets = command_line(tree.plugins), set(targets)
    found = []
    for block in blocks(text):
        if block.language in ("console", "sh", "bash"):
            for words in _commands(block):
                found += [f"line {block.line}: {fault}" for fault in _faults(words, parser, targets)]
    for name in re.findall(r"`(?:\.venv/bin/)?dinrail ([a-z][a-z-]*)[^`]*`", prose(text)):
        found += [] if name in _choices(parser) else [f"there is no command `dinrail {name}`"]
    for name in re.findall(r"`make ([a-z][a-z-]*)[^`]*`", prose(text)):
        found += [] if name in targets else [f"there is no target `make {name}`"]
    return found


def _commands(block: Block) -> Iterator[list[str]]:
    """Every command of a block as words, without variables before it; in ``console``, lines that begin with ``$``."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    for line in lines:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("|&;"):
                while words and re.fullmatch(r"\w+=.*", words[0]):
                    words.pop(0)
                if words:
                    yield words
                words = []
            else:
                words.append(word)


def _faults(words: list[str], parser: argparse.ArgumentParser, targets: set[str]) -> list[str]:
    name = Path(words[0]).name
    if name == "make":
        return [f"make has no target {w}" for w in words[1:] if re.fullmatch(r"[a-z-]+", w) and w not in targets]
    if name != "dinrail":
        return []
    arguments = words[1 : words.index(">")] if ">" in words else words[1:]
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            parser.parse_args(arguments)
        except SystemExit as end:
            if end.code:
                return [said.getvalue().strip()]
    return []


def _choices(parser: argparse.ArgumentParser) -> set[str]:
    return {
        name for action in parser._actions if isinstance(action, argparse._SubParsersAction) for name in action.choices
    }


def make_targets() -> set[str]:
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    return rules | {f"test-{path.parent.name}" for path in ROOT.glob("plugins/*/constraints.in")}


def unknown_variables(text: str, tree: Tree) -> list[str]:
    """``DINRAIL_…`` names that are neither a key of the configuration nor known to the code."""
    known = _known_variables(tree)
    return [
        f"{name} is no variable of ours"
        for name in sorted(set(_VARIABLE.findall(text)))
        if not known.fullmatch(name) and not _stands_in_code(name)
    ]


@cache
def _known_variables(tree: Tree) -> re.Pattern[str]:
    return re.compile("|".join({_pattern(key.path) for key in all_keys(tree)}))


def _pattern(path: str) -> str:
    """The variables of a key: any name in the place of one that the operator chooses, without ``__`` in it."""
    parts = ["[A-Z0-9]+(?:_[A-Z0-9]+)*" if p == "NAME" else p.upper().replace("-", "_") for p in path.split(".")]
    return "DINRAIL_" + "__".join(parts)


@cache
def _stands_in_code(name: str) -> bool:
    return "__" not in name and any(
        re.search(rf"\b{name}\b", file.read_text(encoding="utf-8"))
        for folder in ("core/src", "plugin-sdk/src", "plugins")
        for file in (ROOT / folder).rglob("*.py")
    )


def unknown_codes(text: str, tree: Tree) -> list[str]:
    """``404 `model_not_found` ``: statuses and codes that the server does not answer with."""
    known = _answers(tree)
    return [
        f"no error has the status {status} and the code {code}"
        for status, code in re.findall(r"\b([45]\d\d) \(?`([a-z_]+)`", text)
        if (status, code) not in known
    ]


@cache
def _answers(tree: Tree) -> set[tuple[str, str]]:
    """Every status with every code."""
    kinds = error_classes(tree)
    known = {(str(status_of(kind)), kind.code) for kind in kinds}
    for code, names in codes_given(tree.root).items():
        known |= {(str(status_of(kind)), code) for kind in kinds if kind.__name__ in names}
    return known


def unknown_keys(text: str, known: Iterable[str]) -> list[str]:
    """Keys in the first column of a plugin's tables headed ``key`` that its configuration does not have."""
    known = set(known)
    found = []
    for table in re.findall(r"^\| key \|.*\n\|[-| ]+\|\n((?:\|.*\n?)*)", text, re.MULTILINE):
        for cell in re.findall(r"^\|([^|]*)\|", table, re.MULTILINE):
            found += [f"there is no key {key}" for key in re.findall(r"`([\w.]+)`", cell) if key not in known]
    return found


def forbidden_words(text: str) -> list[str]:
    """What must not stand in the documentation."""
    return [f"{what}: {match[0]}" for what, pattern in _FORBIDDEN.items() for match in re.finditer(pattern, text)]

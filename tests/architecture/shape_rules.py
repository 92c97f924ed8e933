"""How files, functions and names look."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from house import House

LONGEST_FILE = 450
LONGEST_TEST_FILE = 700
LONGEST_FUNCTION = 100

LONGER: dict[str, str] = {}
"""Files and functions (``path::name``) that may be longer, and why."""

NOBODY_IMPORTS_FROM = re.compile(r".*/((migrations|environment)/\w+|plugin)\.py")
"""Scripts that Alembic runs from their folder, and declarations, in which the host looks for hooks."""

VAGUE = frozenset({"utils", "util", "helpers", "helper", "common", "misc", "shared", "stuff"})

_IGNORE = re.compile(r"#\s*(type:\s*ignore|noqa)(?P<code>\[[\w\-, ]+\]|:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?(?P<rest>.*)")


def files_are_short(house: House) -> Iterator[str]:
    """A file of more than some 450 lines has more than one responsibility."""
    for name in house.matching(r".*\.py"):
        limit = LONGEST_TEST_FILE if "tests" in PurePosixPath(name).parts else LONGEST_FILE
        length = len(house.text(name).splitlines())
        if length > limit and name not in LONGER:
            yield f"{name}: {length} lines, more than {limit}"


def functions_are_short(house: House) -> Iterator[str]:
    """A function of more than a hundred lines cannot be read."""
    for name in house.matching(r".*\.py"):
        for node in ast.walk(ast.parse(house.text(name), name)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION and f"{name}::{node.name}" not in LONGER:
                    yield f"{name}:{node.lineno}: {node.name} has {length} lines, more than {LONGEST_FUNCTION}"


def names_say_what_is_inside(house: House) -> Iterator[str]:
    """There is no ``utils.py``."""
    for name in house.matching(r".*\.py"):
        parts = {PurePosixPath(name).stem, *PurePosixPath(name).parent.parts}
        for vague in sorted(parts & VAGUE):
            yield f"{name}: '{vague}' says nothing"


def public_modules_say_what_is_public(house: House) -> Iterator[str]:
    """A public module that defines anything has an ``__all__``, and all that it lists is there."""
    for module in house.modules.values():
        if any(part.startswith("_") for part in module.name.split(".")) or NOBODY_IMPORTS_FROM.fullmatch(module.path):
            continue
        defined, imported, listed = _names(module.tree)
        if listed is None:
            if any(not name.startswith("_") for name in defined) or (imported and module.path.endswith("__init__.py")):
                yield f"{module.path}: has no __all__"
            continue
        for name in sorted(set(listed) - defined - imported):
            # A package may find some of its names when they are first asked for.
            if "__getattr__" not in defined:
                yield f"{module.path}: __all__ lists '{name}', which is not there"
        if len(set(listed)) < len(listed):
            yield f"{module.path}: __all__ lists a name twice"


def only_public_names_are_imported(house: House) -> Iterator[str]:
    """What another module imports stands in ``__all__``; otherwise that would not be true."""
    listed = {name: _names(module.tree)[2] or [] for name, module in house.modules.items()}
    for module in house.modules.values():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ImportFrom) or node.module not in house.modules or node.module == module.name:
                continue
            for alias in node.names:
                if alias.name not in listed[node.module] and f"{node.module}.{alias.name}" not in house.modules:
                    yield f"{module.path}:{node.lineno}: imports '{alias.name}', which {node.module} does not list"


def _names(tree: ast.Module) -> tuple[set[str], set[str], list[str] | None]:
    """What a module defines, what it imports, and what its ``__all__`` lists."""
    defined: set[str] = set()
    imported: set[str] = set()
    listed: list[str] | None = None
    for node in _statements(tree.body):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                defined.add(name)
            case ast.Import() | ast.ImportFrom():
                imported |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List(elts=elements)):
                listed = [str(ast.literal_eval(element)) for element in elements]
            case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec" | "TypeVarTuple"))):
                continue  # a name for the type checker, of use in its module alone
            case ast.Assign(targets=targets):
                defined |= {inner.id for target in targets for inner in ast.walk(target) if isinstance(inner, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                defined.add(name)
            case _:
                continue
    return defined - {"__all__"}, imported, listed


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run when the module is imported, those below ``if`` and ``try`` included."""
    for node in body:
        yield node
        for part in ("body", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try, ast.With)):
                yield from _statements(getattr(node, part, []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)


def broad_handlers_give_a_reason(house: House) -> Iterator[str]:
    """Who catches everything and goes on says beside it why that is right here."""
    for module in house.modules.values():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ExceptHandler) or not _is_broad(node):
                continue
            goes_on = not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
            if goes_on and "#" not in module.lines[node.lineno - 1]:
                yield f"{module.path}:{node.lineno}: catches everything without saying why"


def _is_broad(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or ast.unparse(kind) in ("Exception", "BaseException") for kind in kinds)


def ignored_findings_give_a_reason(house: House) -> Iterator[str]:
    """Who silences a check names which, and why: behind it, or above it where one reason stands for several lines."""
    for name in house.matching(r".*\.py"):
        reason_above = False
        for number, line in enumerate(house.text(name).splitlines(), 1):
            match = _IGNORE.search(line)
            if match is None or _inside_a_string(line, match.start()):
                reason_above = line.lstrip().startswith("#")
            elif not match["code"]:
                yield f"{name}:{number}: silences a check without naming it"
            elif not reason_above and not re.search(r"\w{2}", match["rest"]):
                yield f"{name}:{number}: silences {match['code'].strip('[]: ')} without a reason"


def _inside_a_string(line: str, column: int) -> bool:
    return any(line[:column].count(quote) % 2 for quote in "\"'")

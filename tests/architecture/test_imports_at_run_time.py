"""What really happens when our modules are imported; the rules look at the text alone."""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from house import ROOT, House
from interpreter import Imported, import_each

HOUSE = House.of(ROOT)

RUN_BY_OTHERS = frozenset({"__main__", "env"})
"""Modules that do something when they are imported: a program, and a script that Alembic runs."""

MODULES = [name for name in HOUSE.modules if name.rpartition(".")[2] not in RUN_BY_OTHERS]
CORE = [name for name in MODULES if name.startswith("dinrail_core")]
SDK = [name for name in MODULES if name.startswith("dinrail_sdk")]

DECLARATIONS = [f"{d.package}.plugin" for d in HOUSE.distributions if f"{d.package}.plugin" in HOUSE.modules]

LIBRARIES = ["asyncio", "argparse", "importlib_metadata", "pluggy", "pydantic.fields", "pydantic.main", "tomllib"]


@pytest.fixture(scope="module")
def core() -> Imported:
    return import_each(CORE, preload=LIBRARIES)


def test_every_module_of_the_core_can_be_imported_alone(core: Imported) -> None:
    """A circle among our modules shows only for some of the ways into it."""
    assert core.keys() == set(CORE)
    assert not core.faults, "\n".join(core.faults.values())


# What stands below a module, and cannot import it, may be there already: that saves most of the time.
@pytest.mark.parametrize("what", ["sdk", "plugins"])
def test_every_other_module_can_be_imported_alone(what: str) -> None:
    modules = SDK if what == "sdk" else [name for name in MODULES if name not in {*CORE, *SDK}]
    below = CORE if what == "sdk" else [*CORE, *SDK]
    found = import_each(modules, preload=[*LIBRARIES, "aiohttp.web", "pytest", "sqlalchemy.ext.asyncio", "mcp", *below])
    assert found.keys() == set(modules)
    assert not found.faults, "\n".join(found.faults.values())


def test_a_circle_of_imports_is_seen(tmp_path: Path) -> None:
    for name, text in {
        "__init__": "",
        "a": "from circle.b import B\nA = 1\n",
        "b": "from circle.a import A\nB = 1\n",
        "c": "import sys\n",
        "d": "raise SystemExit('left')\n",
    }.items():
        (tmp_path / "circle").mkdir(exist_ok=True)
        (tmp_path / "circle" / f"{name}.py").write_text(text)
    found = import_each(["circle", "circle.a", "circle.b", "circle.c", "circle.d"], path=[tmp_path])
    assert found.faults.keys() == {"circle.a", "circle.b", "circle.d"}
    assert "circular import" in found.faults["circle.a"]


@cache
def of_the_core() -> frozenset[str]:
    """The packages of the core's three dependencies, and of what these require."""
    found, waiting = set(), ["dinrail-core"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            with suppress(PackageNotFoundError):  # needed by other versions of Python
                lines = [line for line in requires(name) or [] if "extra ==" not in line]
                waiting += [_normalise(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in lines]
    return frozenset(
        package for package, names in packages_distributions().items() if {_normalise(name) for name in names} & found
    )


def _normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def heavy(found: set[str]) -> set[str]:
    """What is neither ours nor comes with the core; private parts of the standard library aside."""
    return {name for name in found - of_the_core() if not name.startswith(("dinrail_", "_"))}


def test_the_core_has_three_dependencies() -> None:
    assert {"pluggy", "pydantic", "importlib_metadata"} <= of_the_core()
    assert not {"aiohttp", "orjson", "numpy", "sqlalchemy"} & of_the_core()


@pytest.fixture(scope="module")
def declarations() -> Imported:
    return import_each(DECLARATIONS)


def test_declaring_a_plugin_imports_no_library(declarations: Imported) -> None:
    found = declarations
    assert found.keys() == set(DECLARATIONS)
    assert {name: sorted(heavy(imported)) for name, imported in found.items() if heavy(imported)} == {}


def test_declaring_a_plugin_imports_no_other(declarations: Imported) -> None:
    for name, imported in declarations.items():
        own = {"dinrail_core", "dinrail_sdk", name.partition(".")[0]}
        assert {other for other in imported if other.startswith("dinrail_")} <= own


SHARED = frozenset({"models", "pages", "providers"})
"""Modules of a few small wire types that the rail itself, and lists of every kind, are made of."""

COUNT = """
from collections import Counter
from importlib import import_module

from dinrail_core.api.wire import Wire

for module in {modules!r}:
    import_module(module)
waiting, found = [Wire], Counter()
while waiting:
    for kind in waiting.pop().__subclasses__():
        waiting.append(kind)
        found[kind.__module__] += 1
print(*found)
"""


def made_by_declaring(modules: list[str]) -> set[str]:
    """The modules of the core whose wire types are made when these are imported."""
    program = [sys.executable, "-c", COUNT.format(modules=modules)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
    return {module.removeprefix("dinrail_core.api.") for module in done.stdout.split()}


def test_declaring_every_plugin_makes_no_wire_types_of_apis_that_nobody_may_use() -> None:
    """Each costs every start a quarter of a millisecond, and there are hundreds: see decision 0005."""
    assert made_by_declaring(DECLARATIONS) == SHARED


def test_a_declaration_that_makes_wire_types_is_seen() -> None:
    assert "prompts.objects" in made_by_declaring(["dinrail_core.api.prompts.objects"])


def test_a_plugin_that_imports_a_library_is_seen(tmp_path: Path) -> None:
    (tmp_path / "dinrail_bad.py").write_text("import orjson\nimport dinrail_core.hooks\n")
    assert heavy(import_each(["dinrail_bad"], path=[tmp_path])["dinrail_bad"]) == {"orjson"}


def test_the_core_imports_its_three_dependencies_and_nothing_else(core: Imported) -> None:
    assert {name: heavy(imported) for name, imported in core.items() if heavy(imported)} == {}


@pytest.mark.parametrize("arguments", ["--help", "plugins --installed", "plugins --help"])
def test_help_imports_no_library(arguments: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import contextlib, io, sys\n"
        "from dinrail_core.cli import main\n"
        f"sys.argv = ['dinrail', *{arguments.split()!r}]\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main()\n"
    )
    found = import_each(["program"], path=[tmp_path])
    assert found.faults == {}
    assert "dinrail_core" in found["program"]
    assert heavy(found["program"]) == {"program"}


@pytest.mark.parametrize("module", ["dinrail_core.hooks", "dinrail_core.host", "dinrail_core.cli"])
def test_importing_the_core_costs_no_more_than_its_libraries_once_again(module: str) -> None:
    """Its budget is what pydantic, asyncio and the like cost to import, measured in turns on the same machine."""
    libraries, ours = [], []
    for _ in range(3):
        libraries.append(_processor_time(f"import {', '.join(LIBRARIES)}"))
        ours.append(_processor_time(f"import {module}"))
    assert min(ours) < 2 * min(libraries)


def test_what_an_import_costs_is_seen() -> None:
    assert _processor_time("sum(range(10**7))") > 2 * _processor_time("pass")


def _processor_time(script: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", script], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)

"""Every rule is seen to fail: a small house that keeps all of them, and what happens when one thing in it is wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import import_rules
import metadata_rules
import pytest
import shape_rules
from house import House
from rules import RULES, Rule

PYPROJECT = """
[project]
name = "{name}"
version = "0.1.0"
readme = "README.md"
license = "Apache-2.0"
requires-python = ">=3.11"
dependencies = [{dependencies}]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""

POINTS = """
[project.entry-points.dinrail]
echo = "dinrail_echo.plugin"

[project.entry-points."dinrail.extends"]
routes = "dinrail_echo.plugin"
"""

ROOT = """
[project]
name = "dinrail"
dependencies = ["dinrail-core>=0.1,<0.2", "dinrail-echo>=0.1,<0.2"]

[tool.uv.sources]
dinrail-core = { workspace = true }
dinrail-echo = { workspace = true }
"""

CORE = "core/src/dinrail_core"
SDK = "plugin-sdk/src/dinrail_sdk"
ECHO = "plugins/echo/src/dinrail_echo"
SERVER = "plugins/server/src/dinrail_server"

GOOD = {
    "pyproject.toml": ROOT,
    "README.md": "`dinrail-echo` is there.",
    "core/pyproject.toml": PYPROJECT.format(name="dinrail-core", dependencies='"pydantic>=2", "pluggy"'),
    "core/README.md": "",
    "core/tests/test_core.py": "def test() -> None:\n    assert 1 + 1 == 2  # noqa: X1  # too well known\n",
    f"{CORE}/__init__.py": '__all__ = ["PLUGIN_API"]\nPLUGIN_API = (1, 0)\n',
    f"{CORE}/py.typed": "",
    f"{CORE}/errors.py": '__all__ = ["DinrailError"]\nclass DinrailError(Exception):\n    pass\n',
    f"{CORE}/api/__init__.py": "",
    f"{CORE}/api/chat.py": "from dinrail_core.errors import DinrailError\nimport pydantic\n",
    f"{CORE}/hooks/__init__.py": "import pluggy\nfrom dinrail_core.api import chat\n\n__all__ = []\n",
    f"{CORE}/host/__init__.py": "from dinrail_core import PLUGIN_API, hooks\n\n__all__ = []\n",
    f"{CORE}/cli/__init__.py": "def _run():\n    from dinrail_core import host\n",
    "plugin-sdk/pyproject.toml": PYPROJECT.format(name="dinrail-sdk", dependencies='"dinrail-core"'),
    "plugin-sdk/README.md": "",
    "plugin-sdk/tests/test_sdk.py": "",
    f"{SDK}/__init__.py": "from dinrail_core import hooks\n\n__all__ = []\n",
    f"{SDK}/py.typed": "",
    "plugins/echo/pyproject.toml": PYPROJECT.format(name="dinrail-echo", dependencies='"dinrail-sdk", "numpy"')
    + POINTS,
    "plugins/echo/README.md": "",
    "plugins/echo/tests/test_echo.py": "import dinrail_echo\n",
    f"{ECHO}/__init__.py": "",
    f"{ECHO}/py.typed": "",
    f"{ECHO}/plugin.py": (
        "import json\nimport pydantic\nfrom dinrail_core import hooks\nfrom dinrail_echo.echo import Echo\n\n"
        '__all__ = ["DINRAIL_API", "dinrail_routes"]\n'
        'DINRAIL_API = ">=1"\n\n'
        "def dinrail_routes():\n    import numpy\n"
    ),
    f"{ECHO}/echo.py": (
        "import dinrail_sdk\n\n"
        '__all__ = ["Echo"]\n\n'
        "class Echo:\n"
        "    def say(self):\n"
        "        try:\n            pass\n"
        "        except Exception:  # whatever a listener raises is his own business\n            return\n"
        "        except BaseException:\n            self.stop()\n            raise\n"
    ),
    "plugins/server/pyproject.toml": (
        PYPROJECT.format(name="dinrail-server", dependencies='"dinrail-core"')
        + '[project.entry-points.dinrail]\nserver = "dinrail_server.plugin"\n'
    ),
    "plugins/server/README.md": "",
    "plugins/server/tests/test_server.py": "",
    f"{SERVER}/__init__.py": "",
    f"{SERVER}/py.typed": "",
    f"{SERVER}/plugin.py": "from dinrail_core import host\n",
}

BAD: list[tuple[Rule, str, str, str]] = [
    # The rule, the file that is written or (text that ends with …) added to, its text, and a part of what is said.
    (import_rules.core_imports_downwards, f"{CORE}/errors.py", "…import dinrail_core.api.chat", "errors imports dinra"),
    (
        import_rules.core_imports_downwards,
        f"{CORE}/api/chat.py",
        "…from dinrail_core import hooks",
        "api imports dinrai",
    ),
    (
        import_rules.core_imports_downwards,
        f"{CORE}/hooks/__init__.py",
        "…import dinrail_core.host",
        "hooks imports dinra",
    ),
    (
        import_rules.core_imports_downwards,
        f"{CORE}/host/__init__.py",
        "…from dinrail_core import cli",
        "host imports din",
    ),
    (
        import_rules.core_imports_downwards,
        f"{CORE}/api/x.py",
        "def f():\n    import dinrail_core.host",
        "api imports din",
    ),
    (
        import_rules.core_imports_downwards,
        f"{CORE}/api/x.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from dinrail_core import host",
        "x.py:3: api imports dinrail_core.host",
    ),
    (
        import_rules.core_imports_downwards,
        f"{CORE}/api/x.py",
        "TABLE = {'a': 'dinrail_core.host'}",
        "api imports dinra",
    ),
    (import_rules.core_imports_downwards, f"{CORE}/extra.py", "", "stands in no layer"),
    (
        import_rules.packages_import_downwards,
        f"{CORE}/api/x.py",
        "import dinrail_sdk",
        "the core imports nothing of ou",
    ),
    (import_rules.packages_import_downwards, f"{CORE}/api/x.py", "import dinrail_echo", "the core imports nothing of "),
    (import_rules.packages_import_downwards, f"{SDK}/x.py", "import dinrail_core.host", "this layer of the core is no"),
    (
        import_rules.packages_import_downwards,
        f"{SDK}/x.py",
        "from dinrail_core import cli",
        "this layer of the core is",
    ),
    (
        import_rules.packages_import_downwards,
        f"{SDK}/x.py",
        "def f():\n    import dinrail_echo",
        "the SDK imports no plug",
    ),
    (import_rules.packages_import_downwards, f"{ECHO}/x.py", "import dinrail_server.plugin", "imports no other plugin"),
    (import_rules.packages_import_downwards, f"{ECHO}/x.py", "import dinrail_elsewhere", "imports no other plugin"),
    (import_rules.packages_import_downwards, f"{ECHO}/x.py", "from dinrail_core import host", "is not for plugins"),
    (import_rules.packages_import_downwards, f"{SERVER}/x.py", "import dinrail_core.cli", "is not for plugins"),
    (
        import_rules.declarations_import_little,
        f"{ECHO}/plugin.py",
        "…import numpy",
        "imports numpy when it is imported",
    ),
    (
        import_rules.declarations_import_little,
        f"{ECHO}/plugin.py",
        "…from aiohttp import web",
        "imports aiohttp when i",
    ),
    (
        import_rules.imports_are_declared,
        f"{ECHO}/x.py",
        "def f():\n    import aiohttp",
        "imports aiohttp, which its py",
    ),
    (
        import_rules.imports_are_declared,
        f"{CORE}/api/x.py",
        "import no_such_package_at_all",
        "imports no_such_package_a",
    ),
    (import_rules.imports_are_declared, f"{CORE}/api/x.py", "import orjson", "imports orjson, which its pyproject.tom"),
    (import_rules.modules_import_absolutely, f"{ECHO}/x.py", "from .echo import Echo", "x.py:1: imports relatively"),
    (shape_rules.files_are_short, f"{ECHO}/x.py", "a = 1\n" * 451, "451 lines, more than 450"),
    (shape_rules.files_are_short, "tests/test_x.py", "a = 1\n" * 701, "701 lines, more than 700"),
    (shape_rules.functions_are_short, f"{ECHO}/x.py", "def f():\n" + "    a = 1\n" * 100, "f has 101 lines, more than"),
    (
        shape_rules.functions_are_short,
        "tools/x.py",
        "class A:\n    async def f(self):\n" + "        a = 1\n" * 100,
        "x.py:2: f has 101 lines",
    ),
    (shape_rules.names_say_what_is_inside, f"{ECHO}/utils.py", "", "'utils' says nothing"),
    (shape_rules.names_say_what_is_inside, "tests/helpers/x.py", "", "'helpers' says nothing"),
    (shape_rules.public_modules_say_what_is_public, f"{ECHO}/x.py", "def f(): pass", "x.py: has no __all__"),
    (shape_rules.public_modules_say_what_is_public, f"{ECHO}/__init__.py", "from json import loads", "has no __all__"),
    (shape_rules.public_modules_say_what_is_public, f"{ECHO}/x.py", "__all__ = ['f']", "lists 'f', which is not there"),
    (
        shape_rules.public_modules_say_what_is_public,
        f"{ECHO}/x.py",
        "a = 1\n__all__ = ['a', 'a']",
        "lists a name twice",
    ),
    (
        shape_rules.only_public_names_are_imported,
        f"{ECHO}/x.py",
        "from dinrail_echo.echo import stop",
        "imports 'stop', w",
    ),
    (
        shape_rules.only_public_names_are_imported,
        f"{ECHO}/x.py",
        "from dinrail_core.errors import _x",
        "imports '_x', wh",
    ),
    (
        shape_rules.broad_handlers_give_a_reason,
        f"{ECHO}/x.py",
        "try:\n    a\nexcept Exception:\n    b",
        "x.py:3: catches",
    ),
    (
        shape_rules.broad_handlers_give_a_reason,
        f"{ECHO}/x.py",
        "try:\n    a\nexcept BaseException:\n    b",
        "x.py:3: cat",
    ),
    (
        shape_rules.broad_handlers_give_a_reason,
        f"{ECHO}/x.py",
        "try:\n    a\nexcept:\n    b",
        "x.py:3: catches everything",
    ),
    (
        shape_rules.broad_handlers_give_a_reason,
        f"{ECHO}/x.py",
        "try:\n    a\nexcept (ValueError, Exception) as error:\n    raise KeyError from error",
        "x.py:3: catches everything",
    ),
    (shape_rules.ignored_findings_give_a_reason, f"{ECHO}/x.py", "a = b  # type: ignore", "without naming it"),
    (shape_rules.ignored_findings_give_a_reason, f"{ECHO}/x.py", "a = b  # noqa", "without naming it"),
    (shape_rules.ignored_findings_give_a_reason, f"{ECHO}/x.py", "a = b  # type: ignore[misc]", "misc without a reas"),
    (shape_rules.ignored_findings_give_a_reason, "tests/x.py", "a = b  # noqa: E501, S101", "E501, S101 without a re"),
    (metadata_rules.plugins_have_the_same_shape, f"-{ECHO}/py.typed", "", "plugins/echo: has no src/dinrail_echo/py.t"),
    (metadata_rules.plugins_have_the_same_shape, "-plugins/echo/README.md", "", "plugins/echo: has no README.md"),
    (metadata_rules.plugins_have_the_same_shape, f"-{ECHO}/plugin.py", "", "has no src/dinrail_echo/plugin.py"),
    (metadata_rules.plugins_have_the_same_shape, "-plugins/echo/tests/test_echo.py", "", "plugins/echo: has no tests"),
    (metadata_rules.plugins_have_the_same_shape, "plugins/echo/src/other/__init__.py", "", "holds the package other"),
    (metadata_rules.plugins_have_the_same_shape, f"-{CORE}/py.typed", "", "core: has no src/dinrail_core/py.typed"),
    (metadata_rules.metadata_is_metadata_only, "plugins/echo/pyproject.toml", "…[tool.ruff]", "configures ruff"),
    (metadata_rules.metadata_is_metadata_only, "core/pyproject.toml", "…[tool.hatch.envs.x]", "configures hatch.envs"),
    (
        metadata_rules.metadata_is_metadata_only,
        "core/pyproject.toml",
        "…[dependency-groups]",
        "a table [dependency-gro",
    ),
    (
        metadata_rules.metadata_is_metadata_only,
        "plugins/echo/pyproject.toml",
        "[project]\nname='x'",
        "name is 'x', not",
    ),
    (metadata_rules.metadata_is_metadata_only, "plugins/echo/pyproject.toml", "", "license is None"),
    (metadata_rules.metadata_is_metadata_only, "plugins/echo/pyproject.toml", "", "is not built by hatchling"),
    (metadata_rules.metadata_is_metadata_only, "plugins/echo/pyproject.toml", "", "has not the one entry point echo ="),
    (metadata_rules.metadata_is_metadata_only, "core/mypy.ini", "", "tools are configured in the root"),
    (metadata_rules.metadata_is_metadata_only, "uv.lock", "", "tools are configured in the root"),
    (metadata_rules.what_a_plugin_adds_is_declared, f"{ECHO}/plugin.py", "", "implements [], announces ['routes']"),
    (
        metadata_rules.what_a_plugin_adds_is_declared,
        f"{SERVER}/plugin.py",
        "def dinrail_services():\n    pass",
        "implements ['services'], announces []",
    ),
    (metadata_rules.nobody_names_a_plugin, f"{CORE}/api/x.py", "NAME = 'dinrail-echo'", "x.py:1: names plugins/echo"),
    (metadata_rules.nobody_names_a_plugin, f"{SERVER}/x.py", "# see dinrail_echo.echo", "x.py:1: names plugins/echo"),
    (
        metadata_rules.nobody_names_a_plugin,
        "Makefile",
        "install:\n\tpip install dinrail-echo",
        "Makefile:2: names plug",
    ),
    (
        metadata_rules.no_file_names_a_place,
        "Makefile",
        "…pip install -i https://py" + "pi.org",
        "a pack",
    ),
    (metadata_rules.no_file_names_a_place, "docs/x.md", "cd /ro" + "ot/project", "names a folder of a machine: /ro"),
    (metadata_rules.no_file_names_a_place, "x.cfg", "path=/home" + "/me/x", "names a folder of a machine: /home"),
    (
        metadata_rules.the_bundle_is_whole,
        "pyproject.toml",
        ROOT.replace("dinrail-echo>", "dinrail-no>"),
        "not in the t",
    ),
    (
        metadata_rules.the_bundle_is_whole,
        "pyproject.toml",
        ROOT.replace("dinrail-echo =", "x ="),
        "has no entry in [to",
    ),
    (metadata_rules.the_bundle_is_whole, "pyproject.toml", ROOT.replace(",<0.2", ",<0.3"), "does not fit dinrail-core"),
]


def build(root: Path, files: dict[str, str]) -> House:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return House.of(root)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_good_house_keeps_the_rule(rule: Rule, tmp_path: Path) -> None:
    assert list(rule(build(tmp_path, GOOD))) == []


@pytest.mark.parametrize(
    ("rule", "file", "text", "said"), BAD, ids=[f"{rule.__name__}-{number}" for number, (rule, *_) in enumerate(BAD)]
)
def test_a_bad_house_breaks_the_rule(rule: Rule, file: str, text: str, said: str, tmp_path: Path) -> None:
    files = dict(GOOD)
    if file.startswith("-"):
        del files[file[1:]]
    else:
        files[file] = files.get(file, "") + "\n" + text[1:] + "\n" if text.startswith("…") else text
    broken = list(rule(build(tmp_path, files)))
    assert [line for line in broken if said in line], broken


def test_every_rule_is_seen_to_fail() -> None:
    assert {rule for rule, *_ in BAD} == set(RULES)
    assert all(rule.__doc__ for rule in RULES)
    assert all(said for _, _, _, said in BAD)


def test_what_git_does_not_track_is_not_looked_at(tmp_path: Path) -> None:
    build(tmp_path, {"tracked.py": "", "untracked.py": "", "removed.py": ""})
    for arguments in (["init", "--quiet"], ["add", "tracked.py", "removed.py"]):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True)
    (tmp_path / "removed.py").unlink()
    assert House.of(tmp_path).files == ("tracked.py",)


def test_an_exception_is_an_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{ECHO}/x.py"
    house = build(tmp_path, {name: "def f():\n" + "    a = 1\n" * 500})
    monkeypatch.setattr(shape_rules, "LONGER", {name: "a table", f"{name}::f": "a table"})
    assert [*shape_rules.files_are_short(house), *shape_rules.functions_are_short(house)] == []

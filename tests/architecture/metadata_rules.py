"""What stands in the folders beside the code, and which words stand nowhere."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from house import Distribution, House

PARTS_OF_A_PLUGIN = ("README.md", "pyproject.toml", "src/{package}/__init__.py", "src/{package}/plugin.py")

MAY_NAME_PLUGINS = (
    r"pyproject\.toml",  # the bundle's dependency list
    r"constraints/.*",  # made by a tool from it
    r"docs/.*",
    r"tests/architecture/.*",  # the rules, and examples of breaking them
    r"changelog\.d/.*",
    r"(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md",
)
"""Files that may name a plugin although they do not belong to it."""

MAY_NAME_ONE_PLUGIN = {
    ("plugin-sdk/pyproject.toml", "plugins/server"): "the extra for tests brings the real server",
    ("tools/reference/errors.py", "plugins/server"): "the reference of errors tells their HTTP statuses",
    ("tests/documentation/test_reference.py", "plugins/server"): "and is looked at as a whole",
}
"""Files that name a certain plugin, and why."""

TOOL_FILES = re.compile(
    r"(.*/)?(setup\.(cfg|py)|tox\.ini|pytest\.ini|mypy\.ini|\.?ruff\.toml|\.flake8|\.coveragerc|\.pylintrc|uv\.lock)"
)

_REGISTRY = re.compile(r"\b(pypi|pythonhosted|npmjs|crates|anaconda)\.(org|com|io)\b")
_MACHINE = re.compile(r"(?<![\w./~-])/(?:root|work|home/\w+|Users/\w+)/[\w.-]+")


def plugins_have_the_same_shape(house: House) -> Iterator[str]:
    """Learning one plugin teaches all."""
    files = set(house.files)
    for distribution in house.distributions:
        folder, package = distribution.folder, distribution.package
        needed = PARTS_OF_A_PLUGIN if distribution.is_plugin else ("README.md", "pyproject.toml")
        for part in (*needed, "src/{package}/py.typed"):
            name = f"{folder}/{part.format(package=package)}"
            if name not in files:
                yield f"{folder}: has no {name.removeprefix(folder + '/')}"
        if distribution.is_plugin and package != f"dinrail_{distribution.plugin.replace('-', '_')}":
            yield f"{folder}: holds the package {package}"
        if not any(name.startswith(f"{folder}/tests/") for name in files):
            yield f"{folder}: has no tests"


def metadata_is_metadata_only(house: House) -> Iterator[str]:
    """Tools are configured in the root, once."""
    for distribution in house.distributions:
        for fault in _metadata_faults(distribution):
            yield f"{distribution.folder}/pyproject.toml: {fault}"
    for name in house.matching(TOOL_FILES.pattern):
        yield f"{name}: tools are configured in the root's pyproject.toml"


def _metadata_faults(distribution: Distribution) -> Iterator[str]:
    data = distribution.pyproject
    tools = data.get("tool", {})
    # How a wheel is put together is metadata of a kind.
    for tool in sorted(tools.keys() - {"hatch"}) + [f"hatch.{key}" for key in tools.get("hatch", {}) if key != "build"]:
        yield f"configures {tool}"
    for table in sorted(data.keys() - {"project", "build-system", "tool"}):
        yield f"has a table [{table}]"
    project = data.get("project", {})
    expected = {"license": "Apache-2.0", "requires-python": ">=3.11", "readme": "README.md"}
    if distribution.is_plugin:
        expected["name"] = f"dinrail-{distribution.plugin}"
    for key, value in expected.items():
        if project.get(key) != value:
            yield f"{key} is {project.get(key)!r}, not {value!r}"
    if not re.fullmatch(r"\d+\.\d+\.\d+", str(project.get("version"))):
        yield f"version is {project.get('version')!r}"
    if data.get("build-system", {}).get("build-backend") != "hatchling.build":
        yield "is not built by hatchling"
    if distribution.is_plugin:
        module = f"{distribution.package}.plugin"
        groups = project.get("entry-points", {})
        if groups.get("dinrail") != {distribution.plugin: module}:
            yield f'has not the one entry point {distribution.plugin} = "{module}"'
        for hook, value in groups.get("dinrail.extends", {}).items():
            if value != module:
                yield f"dinrail.extends.{hook} is {value!r}, not {module!r}"


def what_a_plugin_adds_is_declared(house: House) -> Iterator[str]:
    """The hooks that ``plugin.py`` implements and those that its metadata announces are the same."""
    for distribution in house.distributions:
        module = house.modules.get(f"{distribution.package}.plugin")
        if module is None:
            continue
        implemented = set(re.findall(r"^def dinrail_(\w+)\(", module.text, re.MULTILINE)) - {"providers"}
        points = distribution.pyproject.get("project", {}).get("entry-points", {})
        announced = set(points.get("dinrail.extends", {}))
        if implemented != announced:
            yield f"{distribution.folder}: implements {sorted(implemented)}, announces {sorted(announced)}"


def nobody_names_a_plugin(house: House) -> Iterator[str]:
    """Adding a plugin means adding a folder: no file outside it names its distribution or its package."""
    plugins = {d.folder: mentions(d.plugin) for d in house.distributions if d.is_plugin}
    for name in house.files:
        if any(re.fullmatch(pattern, name) for pattern in MAY_NAME_PLUGINS):
            continue
        for number, line in enumerate(house.text(name).splitlines(), 1):
            for folder, mention in plugins.items():
                if name.startswith(f"{folder}/") or (name, folder) in MAY_NAME_ONE_PLUGIN:
                    continue
                if mention.search(line):
                    yield f"{name}:{number}: names {folder}"


def mentions(plugin: str) -> re.Pattern[str]:
    """What names a plugin: its distribution or its package."""
    return re.compile(rf"(?<![\w-])dinrail[-_]{plugin.replace('-', '[-_]')}(?![\w-])")


def no_file_names_a_place(house: House) -> Iterator[str]:
    """No host of a package registry, and no folder of the machine that a file was written on."""
    for name in house.files:
        for number, line in enumerate(house.text(name).splitlines(), 1):
            for what, pattern in (("a package registry", _REGISTRY), ("a folder of a machine", _MACHINE)):
                if match := pattern.search(line):
                    yield f"{name}:{number}: names {what}: {match[0]}"


def the_bundle_is_whole(house: House) -> Iterator[str]:
    """What the bundle requires of ours is taken from the tree, within the versions that fit together."""
    root = house.root / "pyproject.toml"
    if not root.exists():
        return
    data = tomllib.loads(root.read_text(encoding="utf-8"))
    sources = data.get("tool", {}).get("uv", {}).get("sources", {})
    versions = {d.pyproject["project"]["name"]: d.pyproject["project"]["version"] for d in house.distributions}
    for line in data["project"]["dependencies"]:
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        if name not in versions:
            yield f"pyproject.toml: the bundle requires {name}, which is not in the tree"
            continue
        if sources.get(name) != {"workspace": True}:
            yield f"pyproject.toml: {name} has no entry in [tool.uv.sources]"
        major, minor, _ = versions[name].split(".")
        if line != f"{name}>={major}.{minor},<{major}.{int(minor) + 1}":
            yield f"pyproject.toml: '{line}' does not fit {name} {versions[name]}"

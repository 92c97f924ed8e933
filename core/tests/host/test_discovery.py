from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_core.host.discovery import Installed, discover, normalise

Install = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is searched for distributions, and nothing else is."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder)])
    return folder


@pytest.fixture
def install(site: Path) -> Install:
    def install(
        name: str,
        points: str | bytes | None,
        *,
        version: str = "1.0",
        requires: tuple[str, ...] = (),
        meta: bool = True,
    ) -> Path:
        info = site / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        if meta:
            lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
            info.joinpath("METADATA").write_text("\n".join([*lines, *(f"Requires-Dist: {r}" for r in requires)]) + "\n")
        if points is not None:
            info.joinpath("entry_points.txt").write_bytes(points if isinstance(points, bytes) else points.encode())
        return info

    return install


def test_an_entry_point_of_the_group_is_a_plugin(install: Install) -> None:
    install("dinrail-echo", "[console_scripts]\necho = x:y\n\n[dinrail]\necho = dinrail_echo.plugin\n", version="1.2")
    assert discover() == [
        Installed("echo", "dinrail-echo", "1.2", "dinrail_echo.plugin", frozenset(), bundled=False),
    ]


def test_other_packages_are_no_plugins(install: Install) -> None:
    install("other", "[console_scripts]\nother = other:main\n")
    install("like", "[dinrail_like]\nlike = like:main\n")
    install("silent", None)
    assert discover() == []


def test_what_a_plugin_adds_stands_in_its_metadata(install: Install) -> None:
    install("wide", "[dinrail]\nwide = wide.plugin\n[dinrail.extends]\nroutes = wide.plugin\nservices = wide.plugin\n")
    assert discover()[0].extends == {"routes", "services"}


def test_of_two_plugins_in_one_distribution_each_adds_its_own(install: Install) -> None:
    install("two", "[dinrail]\na = two.a\nb = two.b\n[dinrail.extends]\nroutes = two.b\n")
    assert {plugin.name: plugin.extends for plugin in discover()} == {"a": frozenset(), "b": {"routes"}}


def test_the_direct_requirements_of_the_bundle_are_trusted_however_they_are_spelt(install: Install) -> None:
    install(
        "dinrail", None, requires=("Dinrail_One>=0.1,<0.2", "dinrail.two[x] ; python_version > '3'", "dinrail-three")
    )
    for name in ("dinrail-one", "dinrail-two", "dinrail-three", "dinrail-four"):
        install(name, f"[dinrail]\n{name} = x.plugin\n", requires=("dinrail-four",))
    assert {plugin.name: plugin.bundled for plugin in discover()} == {
        "dinrail-one": True,
        "dinrail-two": True,
        "dinrail-three": True,
        "dinrail-four": False,
    }


def test_without_the_bundle_nothing_is_trusted(install: Install) -> None:
    install("dinrail-one", "[dinrail]\none = x.plugin\n")
    assert [plugin.bundled for plugin in discover()] == [False]


def test_the_bundle_comes_first_and_the_rest_by_name(install: Install) -> None:
    install("dinrail", None, requires=("zebra",))
    for name in ("beta", "zebra", "alpha"):
        install(name, f"[dinrail]\nb{name} = x\na{name} = x\n")
    names = [plugin.name for plugin in discover()]
    assert names == ["azebra", "bzebra", "aalpha", "balpha", "abeta", "bbeta"]


@pytest.mark.parametrize("points", ["[console_scripts]\nno equals sign\n", "=\n", b"\xff\xfe", "[dinrail", "\x00"])
def test_an_unreadable_file_of_another_package_hides_no_plugin(install: Install, points: str | bytes) -> None:
    install("broken", points)
    install("echo", "[dinrail]\necho = echo.plugin\n")
    assert [plugin.name for plugin in discover()] == ["echo"]


def test_a_plugin_whose_entry_points_cannot_be_read_is_shown_with_the_reason(install: Install) -> None:
    install("broken", "[dinrail]\nthis line has no equals sign\n", version="2.0")
    (plugin,) = discover()
    assert (plugin.name, plugin.distribution, plugin.version) == ("broken", "broken", "2.0")
    assert plugin.fault is not None
    assert plugin.fault.startswith("its entry points cannot be read (")


def test_the_remains_of_a_removed_distribution_are_passed_over(install: Install) -> None:
    install("remains", "[dinrail]\nremains = remains.plugin\n", meta=False)
    install("echo", "[dinrail]\necho = echo.plugin\n")
    assert [plugin.name for plugin in discover()] == ["echo"]


def test_a_second_copy_on_the_path_is_shadowed(
    install: Install, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("dinrail-echo", "[dinrail]\necho = echo.plugin\n", version="1.0")
    later = tmp_path / "later"
    monkeypatch.setattr(sys, "path", [str(site), str(later)])
    info = later / "Dinrail.Echo-2.0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.4\nName: Dinrail.Echo\nVersion: 2.0\n")
    info.joinpath("entry_points.txt").write_text("[dinrail]\necho = echo.plugin\n")
    assert [(plugin.name, plugin.version) for plugin in discover()] == [("echo", "1.0")]


def test_discovery_imports_no_plugin(install: Install, site: Path) -> None:
    install("echo", "[dinrail]\necho = echo_module.plugin\n")
    package = site / "echo_module"
    package.mkdir()
    package.joinpath("__init__.py").write_text("raise SystemExit('imported')\n")
    script = (
        "import sys; from dinrail_core.host import Plugins\n"
        f"sys.path.insert(0, {str(site)!r})\n"
        "names = [plugin.name for plugin in Plugins().all]\n"
        "assert 'echo' in names, names\n"
        "assert not [m for m in sys.modules if m.startswith('echo_module')]\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "name", ["Friendly-Bard", "friendly_bard", "FRIENDLY.BARD", "friendly--bard", "FrIeNdLy-._.-bArD"]
)
def test_names_compare_as_the_packaging_specification_says(name: str) -> None:
    assert normalise(name) == "friendly-bard"


@given(st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", fullmatch=True))
def test_normalising_twice_changes_nothing(name: str) -> None:
    assert normalise(normalise(name)) == normalise(name)

"""Environments as an installer leaves them; in the tree, each package is a path of its own to be searched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["install_bundle", "install_other_plugins"]

_ROOT = Path(__file__).resolve().parent.parent
_UV = Path(sys.executable).with_name("uv")
_BUILD = ("--all-packages", "--wheel", "--no-build-isolation", "--no-create-gitignore")
# Every package that these need was fetched when the tree was installed.
_INSTALL = ("--offline", "--compile-bytecode", "--no-verify-hashes", "--link-mode", "copy")


def install_bundle(folder: Path) -> Path:
    """Build every wheel of the tree, and install the bundle with what it requires.

    Args:
        folder: Where wheels and environment go; it may be there already.

    Returns:
        The environment's folder of programs.

    Raises:
        RuntimeError: It cannot be built or installed; the message says why.
    """
    _run(_UV, "build", *_BUILD, "--offline", "--quiet", "--python", sys.executable, "--out-dir", folder / "wheels")
    _run(_UV, "venv", "--quiet", "--offline", "--python", sys.executable, folder / "environment")
    programs = folder / "environment" / "bin"
    constraints = folder / "constraints.txt"
    lines = (_ROOT / "constraints" / "runtime.txt").read_text(encoding="utf-8").splitlines()
    constraints.write_text("\n".join(line.rstrip("\\ ") for line in lines if not line.startswith(" ")) + "\n")
    _install(programs, "--find-links", folder / "wheels", "--constraint", constraints, "dinrail")
    return programs


def install_other_plugins(folder: Path, programs: Path) -> Path:
    """Install every other plugin of the tree, each by itself: declaring one needs no library of its own.

    Args:
        folder: Where :func:`install_bundle` has put the wheels.
        programs: The environment's folder of programs.

    Returns:
        A folder for the import path.

    Raises:
        RuntimeError: One cannot be installed.
    """
    there = {path.name.partition("-")[0] for path in programs.parent.glob("lib/*/site-packages/dinrail*.dist-info")}
    wheels = [path for path in sorted((folder / "wheels").glob("*.whl")) if path.name.partition("-")[0] not in there]
    _install(programs, "--no-deps", "--target", folder / "others", *wheels)
    return folder / "others"


def _install(programs: Path, *arguments: str | Path) -> None:
    _run(_UV, "pip", "install", "--quiet", *_INSTALL, "--python", programs / "python", *arguments)


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(word) for word in command], cwd=_ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} {command[1]}: {done.stderr.strip()[-600:]}")

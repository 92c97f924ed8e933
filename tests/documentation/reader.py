"""Does what a page says, as somebody would who reads it."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from markdown_pages import Block


class Reader:
    """Somebody who does what a page says, in a folder of their own.

    What differs from a real reader: ports are free ones instead of those on the page, packages come from this tree
    instead of an index, and ``make serve`` finds everything installed.

    Args:
        folder: Where files are written and commands run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._installed = folder / "site-packages"
        self._addresses: dict[str, str] = {}
        self._running = ExitStack()
        binaries = str(Path(sys.executable).parent)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DINRAIL_", "PYTEST_"))},
            "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self._installed),
            "DINRAIL_DATA_DIR": str(folder / "data"),
            # Where the members of the workspace are installed and the bundle is not, nothing is bundled.
            "DINRAIL_PLUGINS__ENABLE": '["server", "sdk"]',
        }

    def close(self) -> None:
        self._running.close()

    def follow(self, block: Block) -> None:
        if block.file is not None:
            file = self._folder / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self._translate(block.text))
            if "/src/" in block.file:
                self._install(self._folder / Path(block.file).parts[0])
        elif block.language == "console":
            for command, expected in steps(block):
                if "background" in block.options:
                    self._start(command, expected)
                else:
                    self._run(command, expected, fails="fails" in block.options)
        elif block.language == "python" and "run" in block.options:
            self._run(f"python - <<'END'\n{block.text}END", "", fails=False)

    def _run(self, command: str, expected: str, *, fails: bool) -> None:
        if command.startswith("python -m pip install "):
            self._install(self._folder / shlex.split(command)[-1].partition("[")[0])
            return
        done = subprocess.run(
            ["sh", "-c", self._translate(command)],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=90,
            check=False,
        )
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"$ {command}\n{said}"
        assert pattern(self._translate(expected)).search(said), f"$ {command}\n{said}\n--- expected:\n{expected}"

    def _start(self, command: str, expected: str) -> None:
        """Start a server on a free port; where it listens is what the page's address stands for from then on."""
        wanted = re.search(r"http://127\.0\.0\.1:\d+", expected)
        assert wanted is not None
        words = shlex.split(command.partition("#")[0])
        if words in (["make", "serve"], ["dinrail", "serve"]):
            words = ["dinrail", "serve", "--port", "0"]
        words = ["0" if word == wanted[0].rpartition(":")[2] else word for word in words]
        line = self._running.enter_context(started(words, self._folder, self._environment))
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None, line
        self._addresses[wanted[0]] = found[0]
        assert pattern(self._translate(expected)).search(line)

    def _translate(self, text: str) -> str:
        for wanted, found in self._addresses.items():
            text = text.replace(wanted, found)
        if "dinrail chat" in text and "--url" not in text:
            text = text.replace("dinrail chat", f"dinrail chat --url {self._addresses['http://127.0.0.1:8321']}/v1")
        return text

    def _install(self, project: Path) -> None:
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--offline", "--no-deps"]
        options = ["--no-build-isolation", "--reinstall", "--python", sys.executable, "--target", str(self._installed)]
        done = subprocess.run([*uv, *options, str(project)], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr


@contextmanager
def started(words: list[str], folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """A program that runs; the first line that it prints."""
    with (folder / "errors.txt").open("a") as errors:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
    assert process.stdout is not None
    with process.stdout:
        try:
            line = process.stdout.readline()
            assert line, (folder / "errors.txt").read_text()
            yield line
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)


def steps(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a block, and what is printed below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.replace("\\\n", " ").partition("\n")
        yield command, expected.strip()


def pattern(expected: str) -> re.Pattern[str]:
    """What a page says that is printed: ``…`` stands for anything, and spaces at the end of a line do not count."""
    return re.compile(re.escape(expected).replace("…", r"[\s\S]*?"), re.MULTILINE)

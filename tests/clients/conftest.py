"""A server as its users start it, in front of an upstream that says what a test scripts and of this machine's models.

Both live as long as the tests of this folder, which therefore stay in one process (``xdist_group``).
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from openai import OpenAI

from dinrail_sdk.testing import OPENAI, Asked, Delivery, FakeUpstream, Script, Turn
from dinrail_sdk.testing.databases import PostgreSQL, postgresql

__all__ = ["postgresql"]

T = TypeVar("T")

Drive = Callable[..., Any]
"""``drive(file, case, *more)``."""

MODEL = "up/org/kit-model"
"""The scripted upstream's model, whose own name has a slash."""

_NODE = Path(__file__).with_name("node")
_FRAMEWORKS = Path(__file__).with_name("frameworks")
_ENVIRONMENT = Path(sys.prefix) / "clients"
"""Where `make clients` installs what is written in Python."""

# The models are named, since a server that asks for them when it likes would take answers that are meant for the test.
_CONFIGURATION = """\
data_dir = "{data}"

[plugins]
enable = ["anthropic-api"]

[outbound]
allow_private = ["127.0.0.1"]

[providers.up]
type = "openai-compatible"
base_url = "{upstream}"
api_key = {{ env = "KEY_OF_UP" }}
models = ["{model}"]
first_byte_timeout = 5
"""


class Scripted:
    """A scripted upstream on an event loop of its own, so that clients may block.

    Args:
        upstream: The upstream.
        loop: Its loop, running in another thread.
    """

    def __init__(self, upstream: FakeUpstream, loop: asyncio.AbstractEventLoop) -> None:
        self._upstream = upstream
        self._loop = loop

    @property
    def url(self) -> str:
        """What a provider is configured with."""
        return self._upstream.url

    def says(self, script: Script | Callable[[Asked], Script] | None = None, delivery: Delivery | None = None) -> None:
        """Answer every request of the test like this."""
        self._on_loop(lambda: self._upstream.says(script, delivery or Delivery()))

    def then(self, *turns: Turn) -> None:
        """Answer the next requests like this, one each."""
        self._on_loop(lambda: self._upstream.then(*turns))

    def reset(self) -> None:
        """Forget everything but the connections."""
        self.says()
        self._upstream.received.clear()

    @property
    def asked(self) -> list[Asked]:
        """What the test's requests asked for."""
        return [received.asked for received in self._upstream.received if received.asked is not None]

    @property
    def credentials(self) -> str | None:
        """The key that came with the newest request."""
        return self._upstream.credentials

    def wait_until_left(self, within: float = 1.0) -> None:
        """Wait until the server has left the newest request before it was answered.

        Raises:
            TimeoutError: It has not in time.
        """
        received = self._upstream.received
        assert received, "No request reached the upstream."

        async def left() -> None:
            await asyncio.wait_for(received[-1].exchange.left.wait(), within)

        self.run(left())

    async def start(self) -> None:
        """Listen."""
        await self._upstream.start()

    async def stop(self) -> None:
        """Stop listening, and end what still waits for its client."""
        await self._upstream.stop()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something on the upstream's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    def _on_loop(self, call: Callable[[], None]) -> None:
        done: Future[None] = Future()

        def run() -> None:
            call()
            done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(timeout=30)


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: What clients are given, ``http://127.0.0.1:…/v1``.
        pid: Its process.
    """

    url: str
    pid: int


@pytest.fixture(scope="session")
def _scripted() -> Iterator[Scripted]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="scripted-upstream", daemon=True)
    thread.start()
    scripted = Scripted(FakeUpstream(OPENAI, MODEL.removeprefix("up/")), loop)
    scripted.run(scripted.start())
    yield scripted
    scripted.run(scripted.stop())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    loop.close()


@pytest.fixture(scope="session")
def server(_scripted: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``dinrail serve`` with the scripted upstream as ``up`` and whatever is detected on this machine."""
    with _serving(_scripted, tmp_path_factory.mktemp("clients")) as running:
        yield running


@pytest.fixture(scope="session")
def server_on_postgresql(
    _scripted: Scripted, postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The same over PostgreSQL."""
    more = f'[services.database]\nurl = "{postgresql.create()}"\n'
    with _serving(_scripted, tmp_path_factory.mktemp("clients-on-postgresql"), more) as running:
        yield running


@contextmanager
def _serving(scripted: Scripted, folder: Path, more: str = "") -> Iterator[Server]:
    file = folder / "dinrail.toml"
    configuration = _CONFIGURATION.format(data=folder / "data", upstream=scripted.url, model=MODEL.removeprefix("up/"))
    file.write_text(configuration + more)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DINRAIL_", "OPENAI_"))}
    program = Path(sys.executable).with_name("dinrail")
    said, logged = folder / "said", folder / "logged"
    with said.open("wb") as out, logged.open("wb") as errors:
        process = subprocess.Popen(
            [program, "serve", "--port", "0", "--config", file],
            stdout=out,
            stderr=errors,
            cwd=folder,
            env=kept | {"KEY_OF_UP": "sk-of-the-operator", "HOME": str(folder)},
        )
    try:
        yield Server(_address(process, said, logged), process.pid)
    finally:
        process.terminate()
        try:
            code = process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    assert code == 0, logged.read_text()[-2000:]


@pytest.fixture
def upstream(_scripted: Scripted) -> Iterator[Scripted]:
    """The scripted upstream, without a script."""
    _scripted.reset()
    yield _scripted
    _scripted.reset()


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    """OpenAI's own package, with a key of the caller's own."""
    with OpenAI(base_url=server.url, api_key="sk-of-the-caller", max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture(scope="session")
def node() -> str:
    """A Node that the package runs on: the one installed beside it, or the machine's own."""
    if not (_NODE / "node_modules" / "openai").exists():
        pytest.skip("THE JAVASCRIPT CLIENT IS NOT TESTED: it is not installed; `make test-install` does, where npm is")
    beside = next(_NODE.glob("node_modules/node-*/bin/node"), None)
    found = str(beside) if beside is not None else shutil.which("node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout if found else ""
    if found is None or int(version.removeprefix("v").partition(".")[0] or 0) < 22:
        pytest.skip(f"THE JAVASCRIPT CLIENT IS NOT TESTED: it needs Node 22 or newer, there is {version or 'none'}")
    return found


@pytest.fixture
def run(node: str, server: Server) -> Callable[..., Any]:
    """Run a case of a file of ``node`` and return what it printed."""

    def run(case: str, model: str = MODEL, file: str = "cases.mjs") -> Any:
        done = subprocess.run(
            [node, _NODE / file, case, server.url, model],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def frameworks() -> Path:
    """The folder with the frameworks in JavaScript, which are installed."""
    if not (_FRAMEWORKS / "node_modules").exists():
        pytest.skip("NOT TESTED: it is not installed; `make clients` does, where npm is")
    return _FRAMEWORKS


@pytest.fixture
def outside(tmp_path: Path) -> dict[str, str]:
    """The environment of a program that knows nothing of this machine's user."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}


@pytest.fixture
def drive(server: Server, outside: dict[str, str], request: pytest.FixtureRequest) -> Drive:
    """Run a case of a file of ``frameworks``, in Python or JavaScript, and return what it printed."""

    def drive(file: str, case: str, *more: str) -> Any:
        if file.endswith(".mjs"):
            request.getfixturevalue("frameworks")
            program = request.getfixturevalue("node")
        else:
            program = str(_ENVIRONMENT / "bin" / "python")
            if not Path(program).exists():
                pytest.skip("NOT TESTED: it is not installed; `make clients` does")
        done = subprocess.run(
            [program, _FRAMEWORKS / file, case, server.url, MODEL, *more],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            env=outside | {"OPENAI_AGENTS_DISABLE_TRACING": "1", "LANGSMITH_TRACING": "false"},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return drive


@pytest.fixture
def tools_server() -> Iterator[str]:
    """The address of an MCP server with a tool that adds numbers."""
    program = Path(__file__).with_name("mcp_peer.py")
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def _address(process: subprocess.Popen[bytes], said: Path, logged: Path) -> str:
    """The address in the first line that the server prints."""
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        line, end, _ = said.read_text().partition("\n")
        if end:
            found = re.fullmatch(r"Dinrail \S+ listening on (http://127\.0\.0\.1:\d+/v1)", line)
            assert found is not None, line
            return found[1]
        time.sleep(0.02)
    raise AssertionError(f"The server did not start: {logged.read_text()[-2000:]}")

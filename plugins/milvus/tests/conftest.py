"""A real Milvus Lite server, started by the tests."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dinrail_sdk.testing.vector_runs import pytest_collection_modifyitems

__all__ = ["pytest_collection_modifyitems"]

_START_LIMIT = 90.0


@pytest.fixture(scope="session")
def milvus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("milvus")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    program = Path(sys.executable).with_name("milvus-lite")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "server", "--data-dir", folder / "data", "--host", "127.0.0.1", "--port", str(port)],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        deadline = time.monotonic() + _START_LIMIT
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 2).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Milvus does not start:\n{(folder / 'log').read_text()[-4000:]}") from None
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(10)

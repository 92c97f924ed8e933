"""A real object store, started by the tests."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

KEY, SECRET = "test-key", "test-secret"
_START_LIMIT = 60.0


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class ObjectStore:
    """SeaweedFS.

    Attributes:
        config: What the configuration says about it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        # Ports of gRPC are the others plus 10,000 unless they are named.
        ports = self._numbers = _free_ports(8)
        names = ("master", "volume", "filer", "s3")
        self._ports = [f"-{name}.port={port}" for name, port in zip(names, ports, strict=False)]
        self._ports += [f"-{name}.port.grpc={port}" for name, port in zip(names, ports[4:], strict=False)]
        self._url = f"http://127.0.0.1:{ports[3]}"
        identity = {
            "name": "test",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
        self.config: dict[str, Any] = {
            "bucket": "dinrail-test",
            "endpoint_url": self._url,
            "access_key_id": KEY,
            "secret_access_key": SECRET,
            "addressing": "path",
        }

    def start(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    Path(sys.executable).with_name("weed"),
                    "server",
                    f"-dir={self._folder}",
                    "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1",
                    "-master.volumeSizeLimitMB=100",
                    "-volume.max=20",
                    "-s3",
                    # What is not needed would listen on fixed ports, and tests run in several processes.
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    f"-s3.config={self._folder / 'identities.json'}",
                    *self._ports,
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_LIMIT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SeaweedFS does not start:\n{(self._folder / 'log').read_text()[-4000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None
        for port in self._numbers:  # it makes sockets beside everything else, wherever its folder is
            for left in Path(tempfile.gettempdir()).glob(f"seaweedfs-*-{port}.sock"):
                left.unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(self._url, timeout=2).close()
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    store = ObjectStore(tmp_path_factory.mktemp("weed"))
    store.start()
    try:
        yield store
    finally:
        store.stop()

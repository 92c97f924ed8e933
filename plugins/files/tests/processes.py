"""The server as a process, which can be killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openai import OpenAI

__all__ = ["Process"]

_START_LIMIT = 60.0


class Process:
    """``dinrail serve``.

    Args:
        folder: Its data, and its configuration.
        services: The configuration's services.
    """

    def __init__(self, folder: Path, services: Mapping[str, Mapping[str, Any]]) -> None:
        self._folder = folder
        lines = [f'data_dir = "{folder}"', "[server]", "port = 0", "access_log = false"]
        for name, keys in services.items():
            lines.append(f"[services.{name}]")
            lines += [
                f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}" for key, value in keys.items()
            ]
        (folder / "dinrail.toml").write_text("\n".join(lines))
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DINRAIL_")}
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [Path(sys.executable).with_name("dinrail"), "serve", "--config", self._folder / "dinrail.toml"],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
                start_new_session=True,
            )
        timer = threading.Timer(_START_LIMIT, self.kill)
        timer.start()
        assert self._process.stdout is not None
        for line in self._process.stdout:
            match = re.search(r"http://127\.0\.0\.1:\d+(?:/v1)?", line)
            if match is not None:
                self.url = f"{match[0].removesuffix('/v1')}/v1"
                break
        timer.cancel()
        if not self.url:
            raise RuntimeError(f"The server does not start:\n{(self._folder / 'log').read_text()[-4000:]}")
        threading.Thread(target=self._process.stdout.read, daemon=True).start()

    def kill(self) -> None:
        """End it as a power cut would, as far as a process can be."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def client(self, **options: Any) -> OpenAI:
        return OpenAI(base_url=self.url, api_key="none", **{"max_retries": 0, "timeout": 60, **options})

    def memory(self, what: str = "VmRSS") -> int:
        """Bytes that are resident (``VmRSS``), or were at most (``VmHWM``)."""
        match = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert match is not None
        return int(match[1]) * 1024

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_START_LIMIT)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

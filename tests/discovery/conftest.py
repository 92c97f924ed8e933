"""Real wheels, installed by a real installer into a folder of their own, in front of the environment of the tests."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from dinrail_core.host import Plugins

HEADER = '''
import asyncio
from contextlib import asynccontextmanager

from pydantic import BaseModel, ConfigDict

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.chat import ChatChunk, ChatCompletion, ChatModel
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.hooks import Command, ProviderType, Route, Section, ServiceType, hookimpl

DINRAIL_API = ">=1.0,<2"


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Echo(ChatModel, ModelSource):
    """Says what the user said last."""

    async def models(self):
        return [ModelInfo("parrot")]

    async def complete(self, request, call):
        message = {"role": "assistant", "content": request.messages[-1].content, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return Answer.of(ChatCompletion.model_validate(
            {"id": "c", "object": "chat.completion", "created": 1, "model": request.model, "choices": [choice]}
        ))

    async def stream(self, request, call):
        raise NotImplementedError


@asynccontextmanager
async def opening(config, context):
    yield Echo()


def provider(name, **more):
    """A provider type that is detected everywhere, so that an instance is opened without configuration."""
    fields = {"config": Config, "apis": {ChatModel, ModelSource}, "open": opening, "detect": lambda environment: {}}
    return ProviderType(name=name, **(fields | more))
'''


def write_wheel(
    folder: Path,
    distribution: str,
    source: str,
    *,
    plugin: str,
    extends: Sequence[str] = (),
    version: str = "1.2.3",
) -> Path:
    """A wheel of one module, that of the plugin.

    Args:
        folder: Where it is written.
        distribution: The distribution's name.
        source: The module; it stands below :data:`HEADER`.
        plugin: The entry point's name.
        extends: What the metadata says that it adds.
        version: The distribution's version.
    """
    module = distribution.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    points = [f"[dinrail]\n{plugin} = {module}.plugin\n"]
    points += ["[dinrail.extends]\n", *(f"{name} = {module}.plugin\n" for name in extends)] if extends else []
    files = {
        f"{module}/__init__.py": "",
        f"{module}/plugin.py": HEADER + textwrap.dedent(source),
        f"{info}/METADATA": f"Metadata-Version: 2.4\nName: {distribution}\nVersion: {version}\n"
        "Requires-Dist: dinrail-core>=0.1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "".join(points),
    }
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        record = []
        for name, text in files.items():
            wheel.writestr(name, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(text.encode())}\n")
        wheel.writestr(f"{info}/RECORD", "".join([*record, f"{info}/RECORD,,\n"]))
    return path


@dataclass
class Machine:
    """An environment with more plugins installed, and a working folder with a configuration.

    The providers that the tests' own environment has are disabled: what is looked at are the installed wheels, behind
    the server that the environment has.
    """

    folder: Path
    wheels: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        for folder in (self.site, self.here, self.folder / "wheels"):
            folder.mkdir()

    @property
    def site(self) -> Path:
        """Where the wheels are installed."""
        return self.folder / "site"

    @property
    def here(self) -> Path:
        """The working folder of the program."""
        return self.folder / "here"

    def wheel(self, distribution: str, source: str, *, plugin: str | None = None, extends: Sequence[str] = ()) -> None:
        """Build a wheel that :meth:`install` installs; see :func:`write_wheel`."""
        self.wheels.append(
            write_wheel(self.folder / "wheels", distribution, source, plugin=plugin or distribution, extends=extends)
        )

    def install(self) -> None:
        """Install the wheels that were built, as ``pip install`` would."""
        uv = str(Path(sys.executable).with_name("uv"))
        options = ["--quiet", "--offline", "--no-index", "--no-deps", "--no-config", "--python", sys.executable]
        subprocess.run([uv, "pip", "install", *options, "--target", self.site, *self.wheels], check=True)
        self.wheels.clear()

    def configure(self, text: str = "", **plugins: Sequence[str]) -> None:
        """Write the configuration; ``plugins`` are the keys of ``[plugins]``."""
        own = [plugin.name for plugin in Plugins().all if not plugin.installed.extends]
        lists = {"disable": [*own, *plugins.pop("disable", [])], **plugins}
        lines = [f"{key} = {json.dumps(list(names))}" for key, names in lists.items()]
        path = self.here / "dinrail.toml"
        path.write_text("\n".join(["[plugins]", *lines, textwrap.dedent(text)]) + "\n", encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        """Variables: without those that would configure or detect something."""
        kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")}
        return kept | {"PYTHONPATH": str(self.site), "DINRAIL_DATA_DIR": str(self.here / "data")}

    def start(self, *arguments: str, errors: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
        """Start the program."""
        return subprocess.Popen(
            [sys.executable, "-m", "dinrail_core.cli", *arguments],
            cwd=self.here,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )

    def run(self, *arguments: str) -> str:
        """Run the program, which must go well; returns what it prints."""
        with self.start(*arguments) as process:
            out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        return out

    def python(self, script: str) -> str:
        """Run a script in the environment; returns what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)],
            cwd=self.here,
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextlib.contextmanager
    def serving(self, *arguments: str) -> Iterator[Server]:
        """``dinrail serve`` on a free port, once it listens; it must stop by itself when it is told to."""
        log = self.here / "serve.log"
        with log.open("w") as errors, self.start("serve", "--port", "0", *arguments, errors=errors) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert " listening on " in line, log.read_text()
                yield Server(line.split(" listening on ")[1].strip().removesuffix("/v1"))
                process.send_signal(signal.SIGTERM)
                assert process.wait(timeout=15) == 0, log.read_text()
            finally:
                process.kill()


@dataclass(frozen=True)
class Server:
    """A running server."""

    url: str

    def get(self, path: str) -> tuple[int, Any]:
        """The status and the JSON of an answer."""
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """The same for a JSON body."""
        data, headers = json.dumps(body).encode(), {"content-type": "application/json"}
        return self._ask(urllib.request.Request(self.url + path, data, headers))

    def chat(self, model: str, text: str) -> str:
        """What the model says to ``text``."""
        status, body = self.post(
            "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": text}]}
        )
        assert status == 200, body
        answer: str = body["choices"][0]["message"]["content"]
        return answer

    @staticmethod
    def _ask(request: urllib.request.Request) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return Machine(tmp_path_factory.mktemp("machine"))

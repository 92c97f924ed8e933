"""What `dinrail new-plugin` writes is installed by pip, passes its suite, and serves; no file of ours is changed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest

from dinrail_sdk.scaffold.contracts import CONTRACTS
from dinrail_sdk.testing import OPENAI, FakeUpstream

ROOT = Path(__file__).resolve().parents[1]
NAMES = {contract: f"quokka-{contract}" for contract in CONTRACTS}
"""Plugins of which nothing in the tree has ever heard."""

pytestmark = [pytest.mark.xdist_group("scaffold"), pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Author:
    """Somebody who has Dinrail installed, and no tree.

    Attributes:
        folder: Where the plugins are written.
        python: The interpreter of the author's environment.
        environment: The author's variables.
    """

    folder: Path
    python: Path
    environment: Mapping[str, str]

    def run(self, *command: str | Path, cwd: Path | None = None) -> str:
        """What a Python module prints; its error output is in the failure."""
        done = subprocess.run(
            [self.python, "-m", *command],
            cwd=cwd or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def author(tmp_path_factory: pytest.TempPathFactory) -> Author:
    """One plugin of each contract, written, and installed into an environment that sees ours through a path file."""
    folder = tmp_path_factory.mktemp("author")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    ours = ("DINRAIL_", "PYTHON", "VIRTUAL_ENV", "UV_", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environment["DINRAIL_DATA_DIR"] = str(folder / "data")
    author = Author(folder, folder / "env" / "bin" / "python", environment)
    site = Path(author.run("sysconfig").partition('purelib = "')[2].partition('"')[0])
    # addsitedir, since our own distributions may be installed as path files themselves
    (site / "dinrail.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for contract, name in NAMES.items():
        author.run("dinrail_core.cli", "new-plugin", name, "--contract", contract)
    written = [f"./dinrail-{name}[test]" for name in NAMES.values()]
    # Whatever they need must be what is there: pip may not look anywhere.
    author.run("pip", "install", "--quiet", "--no-index", "--no-build-isolation", "--no-cache-dir", *written)
    return author


def test_the_suites_of_written_plugins_pass(author: Author) -> None:
    folders = [author.folder / f"dinrail-{name}" / "tests" for name in NAMES.values()]
    shown = author.run("pytest", "-q", "-n", "4", "-p", "no:cacheprovider", "--import-mode=importlib", *folders)
    passed, skipped = re.search(r"(\d+) passed", shown), re.search(r"(\d+) skipped", shown)
    assert passed, shown
    assert int(passed[1]) > 300, shown
    assert not skipped, shown


async def test_written_plugins_answer_through_the_server(author: Author) -> None:
    async with FakeUpstream.open(OPENAI) as upstream, serving(author, upstream.url) as url:
        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            chat = await client.chat.completions.create(
                model=f"{NAMES['chat']}/kit-model", messages=[{"role": "user", "content": "Hello."}]
            )
            assert chat.choices[0].message.content == "You said: Hello."
            text = await client.completions.create(model=f"{NAMES['completions']}/kit-model", prompt="Once")
            assert text.choices[0].text == " and so on (Once)"
            vectors = await client.embeddings.create(model=f"{NAMES['embeddings']}/kit-model", input=["a", "b"])
            assert [item.index for item in vectors.data] == [0, 1]
            verdict = await client.moderations.create(model=f"{NAMES['moderations']}/kit-model", input="I attack")
            assert verdict.results[0].flagged
        async with aiohttp.ClientSession() as session:
            body = {"model": f"{NAMES['rerank']}/kit-model", "query": "bread", "documents": ["stone", "bread"]}
            async with session.post(f"{url}/rerank", json=body) as response:
                assert [result["index"] for result in (await response.json())["results"]] == [1, 0]
            async with session.get(f"{url}/providers") as response:
                found = {one["id"]: (one["distribution"], one["status"]) for one in (await response.json())["data"]}
    assert found == {name: (f"dinrail-{name}", "ready") for name in NAMES.values()}


@pytest.mark.usefixtures("author")
def test_no_file_of_ours_has_heard_of_them() -> None:
    places = [ROOT / "core", ROOT / "plugin-sdk", ROOT / "plugins", Path(sysconfig.get_path("purelib"))]
    named = [path for place in places for path in _files(place) if "quokka" in path.name]
    assert named == []
    changed = [path for path in map(Path, _entry_points()) if "quokka" in path.read_text(encoding="utf-8")]
    assert changed == []


def _files(place: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(place):
        folders[:] = [name for name in folders if name not in ("node_modules", "__pycache__")]
        yield from (Path(folder, name) for name in (*folders, *files))


def _entry_points() -> Iterator[str]:
    for distribution in metadata.distributions():
        for file in distribution.files or ():
            if file.name == "entry_points.txt":
                yield str(file.locate())


@asynccontextmanager
async def serving(author: Author, upstream: str) -> AsyncIterator[str]:
    """A server in the author's environment, with an instance of each written plugin and of no other."""
    config = author.folder / "dinrail.toml"
    instances = "\n".join(
        f'[providers.{name}]\ntype = "{name}"\nbase_url = "{upstream}"\napi_key = "sk-0123456789"\n'
        for name in NAMES.values()
    )
    config.write_text(f"[plugins]\ndisable = {json.dumps(_providers())}\n\n{instances}", encoding="utf-8")
    with _process(author, "serve", "--port", "0", "--config", str(config)) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/v1", line)
        assert found, line
        yield found[0]
        server.send_signal(signal.SIGINT)
        assert server.wait(10) == 0


def _providers() -> list[str]:
    """Installed plugins that bring providers and nothing else, by name; they have no part in this."""
    extending = {point.value for point in metadata.entry_points(group="dinrail.extends")}
    return sorted({point.name for point in metadata.entry_points(group="dinrail") if point.value not in extending})


@contextmanager
def _process(author: Author, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    with (author.folder / "server.log").open("w") as log:
        command: list[Any] = [author.python, "-m", "dinrail_core.cli", *arguments]
        process = subprocess.Popen(
            command, cwd=author.folder, env=dict(author.environment), stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

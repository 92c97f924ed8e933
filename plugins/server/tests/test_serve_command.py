"""``dinrail serve`` as a process: what it prints, how it stops, several workers."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROVIDER = """
import asyncio, json, os
from contextlib import asynccontextmanager
from pydantic import BaseModel
from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.hooks import ProviderType, hookimpl

DINRAIL_API = ">=1.0,<2"

class Config(BaseModel, extra="forbid"):
    hang_on_close: bool = False

class Talker(ChatModel, ModelSource):
    async def models(self):
        return [ModelInfo(id="talker")]

    async def complete(self, request, call):
        text = request.messages[-1].content
        if text == "die":
            os._exit(9)
        if text == "sleep":
            await asyncio.sleep(60)
        message = {"role": "assistant", "content": f"{text} from {os.getpid()}", "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        return Answer(ChatCompletion, body=json.dumps({
            "id": "c", "object": "chat.completion", "created": 1, "model": "talker", "choices": [choice]}).encode())

    async def stream(self, request, call):
        async def reads():
            for number in range(10**6):
                piece = {"index": 0, "delta": {"content": f"{number} "}, "finish_reason": None}
                yield b"data: " + json.dumps({
                    "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "talker", "choices": [piece],
                }).encode() + b"\\n\\n"
                if request.messages[-1].content == "three" and number == 2:
                    return
                await asyncio.sleep(0.02)
        return Stream(ChatChunk, reads=reads())

@asynccontextmanager
async def _open(config, context):
    yield Talker()
    if config.hang_on_close:
        await asyncio.sleep(60)

@hookimpl
def dinrail_providers():
    yield ProviderType(name="talker", config=Config, apis=frozenset({ChatModel, ModelSource}), open=_open)
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on the path with a provider, and the bundle that makes the server's own plugin trusted."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "talker_plugin.py").write_text(PROVIDER)
    talker = folder / "talker-1.0.dist-info"
    talker.mkdir()
    (talker / "METADATA").write_text("Metadata-Version: 2.1\nName: talker\nVersion: 1.0\n")
    (talker / "entry_points.txt").write_text("[dinrail]\ntalker = talker_plugin\n")
    return folder


class Process:
    """A server in a process of its own."""

    def __init__(self, folder: Path, plugins: Path, *arguments: str, config: str = "") -> None:
        file = folder / "dinrail.toml"
        head = f'data_dir = "{folder / "data"}"\n[plugins]\nenable = ["server"]\n'
        file.write_text(head + (config or '[providers.local]\ntype = "talker"\n'))
        self.log = folder / f"{id(self)}.err"
        self.errors = self.log.open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dinrail_core.cli", "serve", "--config", str(file), "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, "PYTHONPATH": str(plugins)},
        )

    def listen(self) -> str:
        """Wait for the line that says where it is."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        match = re.fullmatch(r"Dinrail \S+ listening on (http://127\.0\.0\.1:\d+/v1)\n", line)
        assert match, line + str(self.end())
        self.url = match[1]
        return self.url

    def chat(self, text: str, **fields: Any) -> urllib.request.Request:
        body = {"model": "local/talker", "messages": [{"role": "user", "content": text}], **fields}
        headers = {"content-type": "application/json"}
        return urllib.request.Request(f"{self.url}/chat/completions", json.dumps(body).encode(), headers)

    def answer(self, text: str) -> str:
        with urllib.request.urlopen(self.chat(text), timeout=10) as answer:
            return str(json.load(answer)["choices"][0]["message"]["content"])

    def ready(self) -> int:
        try:
            with urllib.request.urlopen(self.url.removesuffix("/v1") + "/readyz", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float, str, str]:
        """Send a signal; the exit code, the seconds until then, and what was printed since."""
        begun = time.monotonic()
        self.process.send_signal(number)
        code, out, err = self.end()
        return code, time.monotonic() - begun, out, err

    def end(self) -> tuple[int, str, str]:
        """Wait for its end; the exit code, and what was printed since."""
        code = self.process.wait(20)
        assert self.process.stdout is not None
        with self.process.stdout as out, self.errors:
            return code, out.read(), self.log.read_text()


Run = Callable[..., Process]


@pytest.fixture
def run(tmp_path: Path, plugins: Path) -> Iterator[Run]:
    started: list[Process] = []

    def begin(*arguments: str, config: str = "") -> Process:
        started.append(Process(tmp_path, plugins, *arguments, config=config))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.end()


def test_it_says_where_it_is_and_what_is_there_and_a_line_to_paste(run: Run) -> None:
    server = run()
    url = server.listen()
    assert server.process.stdout is not None
    lines = [server.process.stdout.readline()]
    while not lines[-1].startswith("  try it"):
        lines.append(server.process.stdout.readline())
    text = "".join(lines)
    assert "talker 1.0" in text
    assert "local/talker" in text
    pasted = subprocess.run(lines[-1].removeprefix("  try it"), shell=True, capture_output=True, check=True, text=True)
    assert "Say hello. from" in pasted.stdout
    assert url in lines[-1]


def test_sigterm_stops_an_idle_server_cleanly(run: Run) -> None:
    server = run()
    server.listen()
    assert server.answer("Hi").startswith("Hi from")
    code, seconds, _, err = server.stop()
    assert code == 0
    assert seconds < 3
    assert "Traceback" not in err
    assert [json.loads(line)["status"] for line in err.splitlines()] == [200], "the access log was flushed"


def test_ctrl_c_stops_within_two_seconds_though_a_stream_is_under_way(run: Run) -> None:
    server = run()
    server.listen()
    with urllib.request.urlopen(server.chat("count", stream=True), timeout=10) as stream:
        assert stream.readline().startswith(b"data: ")
        code, seconds, _, err = server.stop(signal.SIGINT)
    assert (code, "Traceback" in err) == (0, False), err
    assert seconds < 2


def test_ctrl_c_ends_the_process_within_two_seconds_though_a_provider_hangs_in_closing(run: Run) -> None:
    server = run(config='[providers.local]\ntype = "talker"\nhang_on_close = true\n')
    server.listen()
    code, seconds, _, _ = server.stop(signal.SIGINT)
    assert seconds < 2
    assert code == 1


def test_sigterm_drains_and_a_second_one_ends_it_within_two_seconds(run: Run) -> None:
    server = run()
    server.listen()
    with urllib.request.urlopen(server.chat("count", stream=True), timeout=10) as stream:
        stream.readline()
        server.process.send_signal(signal.SIGTERM)
        _wait(lambda: server.ready() == 503)
        assert server.process.poll() is None
        assert stream.readline() is not None
        code, seconds, _, err = server.stop()
    assert (code, "Traceback" in err) == (0, False), err
    assert seconds < 2


def test_sigterm_lets_a_stream_come_to_its_end(run: Run) -> None:
    server = run()
    server.listen()
    with urllib.request.urlopen(server.chat("three", stream=True), timeout=10) as stream:
        stream.readline()
        server.process.send_signal(signal.SIGTERM)
        assert stream.read().endswith(b"data: [DONE]\n\n")
    assert server.end()[0] == 0


def test_a_client_that_leaves_is_noticed_on_the_loop_that_serves(run: Run) -> None:
    server = run()
    url = server.listen()
    port = int(url.split(":")[2].split("/")[0])
    request = server.chat("sleep")
    assert isinstance(request.data, bytes)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(request.data)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(head.encode() + request.data)
        _wait(lambda: "dinrail_requests_in_flight 2.0" in _metrics(url))
    begun = time.monotonic()
    _wait(lambda: 'status="499"} 1.0' in _metrics(url))
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    ("arguments", "config", "line"),
    [
        (["--host", "0.0.0.0"], "", r"server\.host: 0\.0\.0\.0 can be reached"),
        (["--workers", "0"], "", r"server\.workers: "),
        ([], "[server]\nprot = 1\n", r"server\.prot: unknown key"),
        ([], "[server.tls]\ncertificate = 'x'\nkey = 'y'\n", r"server\.tls: "),
        ([], '[providers.x]\ntype = "nope"\n', r"providers\.x\.type: "),
    ],
)
def test_a_start_that_fails_is_one_line_and_not_zero(run: Run, arguments: list[str], config: str, line: str) -> None:
    server = run(*arguments, config=config)
    code, out, err = server.end()
    assert code != 0
    assert re.fullmatch(rf"dinrail: {line}.*\n", err), err
    assert out == ""


def test_a_taken_port_is_one_line(run: Run) -> None:
    first = run()
    port = first.listen().split(":")[2].split("/")[0]
    second = run("--port", port)
    code, _, err = second.end()
    assert code == 1
    assert re.fullmatch(rf"dinrail: server\.port: cannot listen on 127\.0\.0\.1:{port} \(.*\)\n", err)


@pytest.mark.slow
def test_workers_share_a_port_and_their_figures_and_a_dead_one_is_replaced(run: Run) -> None:
    server = run("--workers", "2")
    url = server.listen()
    pids: set[str] = set()
    _wait(lambda: len(_ask(server, pids)) == 2)
    with pytest.raises((urllib.error.URLError, ConnectionError)):
        server.answer("die")
    answered = _count(url)
    _wait(lambda: len(_ask(server, pids)) == 3)
    _wait(lambda: _count(url) > answered)
    for _ in range(20):
        assert _count(url) >= answered, "a counter went back"
    code, seconds, out, err = server.stop()
    assert code == 0
    assert seconds < 3
    assert "ended (code 9); another starts in" in err
    assert out.count("models") == 1, "what is there is told once"


@pytest.mark.slow
def test_workers_drain_though_every_process_gets_the_signal(run: Run) -> None:
    server = run("--workers", "2")
    server.listen()
    with urllib.request.urlopen(server.chat("count", stream=True), timeout=10) as stream:
        stream.readline()
        for pid in [*_children(server.process.pid), server.process.pid]:
            os.kill(pid, signal.SIGTERM)
        _wait(lambda: server.ready() == 503)
        for _ in range(20):
            assert stream.readline(), "the stream goes on"
        code, seconds, _, err = server.stop()
    assert (code, seconds < 2, "Traceback" in err) == (0, True, False), err


@pytest.mark.slow
def test_ctrl_c_stops_all_workers_within_two_seconds(run: Run) -> None:
    server = run("--workers", "2")
    server.listen()
    children = _children(server.process.pid)
    assert len(children) == 2
    with urllib.request.urlopen(server.chat("count", stream=True), timeout=10) as stream:
        stream.readline()
        for pid in children:
            os.kill(pid, signal.SIGINT)
        code, seconds, _, _ = server.stop(signal.SIGINT)
    assert (code, seconds < 2) == (0, True)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]


@pytest.mark.slow
def test_workers_end_when_their_parent_is_killed(run: Run) -> None:
    server = run("--workers", "2")
    server.listen()
    children = _children(server.process.pid)
    server.process.kill()
    _wait(lambda: not [pid for pid in children if _runs(pid)])
    server.end()


@pytest.mark.slow
def test_a_worker_that_cannot_start_ends_them_all_with_one_line(run: Run) -> None:
    server = run("--workers", "2", config='[providers.x]\ntype = "nope"\n')
    code, _, err = server.end()
    assert code == 1
    assert err.startswith("dinrail: providers.x.type: ")


def _ask(server: Process, pids: set[str]) -> set[str]:
    """Ask once more, and add the process that answered."""
    pids.add(server.answer("Hi").rpartition(" ")[2])
    return pids


def _wait(holds: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def _metrics(url: str) -> str:
    with urllib.request.urlopen(url.removesuffix("/v1") + "/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def _count(url: str) -> float:
    """Chats answered, by all workers."""
    found = re.findall(r'dinrail_requests_total\{[^}]*route="/v1/chat/completions",status="200"\} (\S+)', _metrics(url))
    return float(found[0]) if found else 0.0


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

"""``dinrail chat``, against a server of the dialect that a test scripts."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from dinrail_core.cli import main
from dinrail_core.errors import ConfigurationError, DinrailError, UpstreamUnavailable
from dinrail_server.chat_client import ChatClient, Piece
from dinrail_server.commands.chat import COMMAND


def _event(**delta: str) -> bytes:
    return b"data: %b\n\n" % json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode()


class Dialect:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = [
            {"id": "embedder", "apis": ["Embedder"]},
            {"id": "local/m", "apis": ["ChatModel"]},
        ]
        self.events = [_event(content="Hel"), b": a comment\n\n", _event(content="lö"), b"data: [DONE]\n\n"]
        self.status = 200
        self.refusal = b""
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []

    def handler(self) -> type[BaseHTTPRequestHandler]:
        dialect = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._send(200, [json.dumps({"object": "list", "data": dialect.models}).encode()])

            def do_POST(self) -> None:
                dialect.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                dialect.keys.append(self.headers["authorization"])
                parts = dialect.events if dialect.status == 200 else [dialect.refusal]
                self._send(dialect.status, parts)

            def _send(self, status: int, parts: list[bytes]) -> None:
                self.send_response(status)
                self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                for part in [*parts, b""]:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))

            def log_message(self, *_: object) -> None: ...

        return Handler


@pytest.fixture
def dialect() -> Dialect:
    return Dialect()


@pytest.fixture
def url(dialect: Dialect) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), dialect.handler()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()
        thread.join()


Chat = Callable[..., int]


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Chat:
    """Runs the command with typed lines."""

    def run(*arguments: str, typed: str | None = None, piped: str | None = None) -> int:
        import argparse

        stdin = io.StringIO(piped if piped is not None else typed or "")
        monkeypatch.setattr(stdin, "isatty", lambda: piped is None, raising=False)
        monkeypatch.setattr(sys, "stdin", stdin)
        parser = argparse.ArgumentParser()
        COMMAND.configure(parser)
        assert COMMAND.run is not None
        return COMMAND.run(parser.parse_args(arguments))

    return run


def test_one_question_is_answered_as_it_comes(
    chat: Chat, url: str, dialect: Dialect, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chat("--url", url, "What", "is it?") == 0
    assert capsys.readouterr().out == "Hellö\n"
    assert dialect.asked == [
        {"model": "local/m", "messages": [{"role": "user", "content": "What is it?"}], "stream": True}
    ]


def test_the_model_and_the_instructions_are_the_callers(chat: Chat, url: str, dialect: Dialect) -> None:
    chat("--url", url, "--model", "other", "--system", "Be brief.", "Hi")
    assert dialect.asked[0]["model"] == "other"
    assert dialect.asked[0]["messages"][0] == {"role": "system", "content": "Be brief."}


def test_a_pipe_is_part_of_the_question(chat: Chat, url: str, dialect: Dialect) -> None:
    chat("--url", url, "Sum up:", piped="a text\n")
    chat("--url", url, piped="only a text\n")
    assert [request["messages"][0]["content"] for request in dialect.asked] == ["Sum up:\n\na text", "only a text"]
    with pytest.raises(DinrailError, match="no question"):
        chat("--url", url, piped="")


def test_a_conversation_remembers_until_it_is_cleared(
    chat: Chat, url: str, dialect: Dialect, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = "one\ntwo\n/clear\n/system Be kind.\n/model other\nthree\n/nonsense\n\n/quit\n"
    assert chat("--url", url, typed=typed) == 0
    first, second, third = dialect.asked
    assert [message["content"] for message in second["messages"]] == ["one", "Hellö", "two"]
    assert [message["content"] for message in third["messages"]] == ["Be kind.", "three"]
    assert (first["model"], third["model"]) == ("local/m", "other")
    assert "/clear" in capsys.readouterr().out, "an unknown word shows what there is"


def test_the_end_of_the_input_ends_a_conversation(chat: Chat, url: str) -> None:
    assert chat("--url", url, typed="Hi\n") == 0


def test_an_error_in_a_conversation_is_a_line_and_the_question_is_forgotten(
    chat: Chat, url: str, dialect: Dialect, capsys: pytest.CaptureFixture[str]
) -> None:
    good, dialect.events = dialect.events, [b'data: {"error": {"message": "It broke off."}}\n\n']
    client = ChatClient(url)
    with pytest.raises(DinrailError, match="It broke off"):
        list(client.answer("m", []))
    chat("--url", url, typed="one\n")
    assert capsys.readouterr().err == "dinrail: It broke off.\n"
    dialect.events = good


def test_ctrl_c_stops_an_answer_and_keeps_what_came(
    chat: Chat, url: str, dialect: Dialect, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = ChatClient.answer

    def interrupted(self: ChatClient, model: str, messages: Any) -> Iterator[Piece]:
        pieces = whole(self, model, messages)
        yield next(pieces)
        if len(dialect.asked) == 1:
            raise KeyboardInterrupt
        yield from pieces

    monkeypatch.setattr(ChatClient, "answer", interrupted)
    assert chat("--url", url, typed="one\ntwo\n") == 0
    assert [message["content"] for message in dialect.asked[1]["messages"]] == ["one", "Hel", "two"]
    dialect.asked.clear()
    assert chat("--url", url, "one") == 130


def test_thoughts_are_shown_but_not_sent_back(
    chat: Chat, url: str, dialect: Dialect, capsys: pytest.CaptureFixture[str]
) -> None:
    dialect.events = [_event(reasoning_content="Hmm."), _event(content="Yes."), b"data: [DONE]\n\n"]
    chat("--url", url, typed="one\ntwo\n")
    assert "Hmm.\n\nYes.\n" in capsys.readouterr().out
    assert dialect.asked[1]["messages"][1]["content"] == "Yes."


def test_a_refusal_is_one_line_with_the_servers_own_words(url: str, dialect: Dialect) -> None:
    client = ChatClient(url)
    dialect.status, dialect.refusal = 404, b'{"error": {"message": "No such model."}}'
    with pytest.raises(DinrailError, match=r"^No such model\.$"):
        list(client.answer("m", []))
    dialect.status, dialect.refusal = 502, b"<html>"
    with pytest.raises(DinrailError, match=r"^The server answered 502 Bad Gateway\.$"):
        list(client.answer("m", []))


def test_a_server_without_chat_models_says_what_to_do(url: str, dialect: Dialect) -> None:
    dialect.models = [{"id": "embedder", "apis": ["Embedder"]}]
    with pytest.raises(DinrailError, match="dinrail models pull"):
        ChatClient(url).choose_model()


def test_a_server_that_does_not_tell_what_its_models_do_is_taken_at_its_first(url: str, dialect: Dialect) -> None:
    dialect.models = [{"id": "gpt"}, {"id": "other"}]
    assert ChatClient(url).choose_model() == "gpt"


def test_a_key_is_sent_where_there_is_one(
    chat: Chat, url: str, dialect: Dialect, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat("--url", url, "Hi")
    monkeypatch.setenv("DINRAIL_API_KEY", "k")
    monkeypatch.setenv("DINRAIL_URL", url)
    chat("Hi")
    assert dialect.keys == [None, "Bearer k"]


def test_where_nothing_listens_the_line_says_how_to_start(chat: Chat) -> None:
    with pytest.raises(UpstreamUnavailable, match="Start a server: dinrail serve"):
        chat("--url", "http://127.0.0.1:9/v1", "Hi")


@pytest.mark.parametrize("url", ["127.0.0.1:8321", "ftp://x/v1", "http://", "http://x:port/v1"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        ChatClient(url)


def test_the_command_imports_no_server() -> None:
    code = (
        "import sys, dinrail_server.plugin, dinrail_server.chat_client;"
        "list(dinrail_server.plugin.dinrail_commands());"
        "sys.exit(bool({'aiohttp', 'orjson', 'uvloop', 'prometheus_client', 'asyncio'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_program_has_both_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DINRAIL_PLUGINS__ENABLE", '["server"]')
    for command in ("serve", "chat"):
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
        assert f"dinrail {command}" in capsys.readouterr().out

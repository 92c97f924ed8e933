"""A client of the chat dialect out of the standard library alone, so that ``dinrail chat`` starts at once."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from dinrail_core import __version__
from dinrail_core.errors import (
    ConfigurationError,
    DinrailError,
    NotFound,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)

__all__ = ["ChatClient", "Message", "Piece"]

Message = dict[str, str]

_CHAT = "ChatModel"


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of an answer.

    Attributes:
        text: The text.
        thought: Whether it is the model's thinking and not its answer.
    """

    text: str
    thought: bool = False


class ChatClient:
    """Talks to a server of OpenAI's dialect.

    Args:
        url: Where its API is, such as ``http://127.0.0.1:8321/v1``.
        key: Its key, if it wants one.
        timeout: Seconds to wait for each next byte.
    """

    def __init__(self, url: str, key: str | None = None, timeout: float = 600.0) -> None:
        self.url = url.rstrip("/")
        try:
            parts = urlsplit(self.url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            raise ConfigurationError(f"'{url}' is not a URL") from None
        if parts.scheme not in ("http", "https") or not self._host:
            raise ConfigurationError(f"'{url}' is not the URL of a server; one looks like http://127.0.0.1:8321/v1")
        self._secure = parts.scheme == "https"
        self._path = parts.path
        self._timeout = timeout
        self._headers = {"user-agent": f"dinrail-chat/{__version__}"}
        if key:
            self._headers["authorization"] = f"Bearer {key}"

    def choose_model(self) -> str:
        """The first model that can chat.

        Raises:
            DinrailError: The server has none, or did not answer.
        """
        with self._answer("GET", "/models", None) as response:
            models = _parse(response.read()).get("data") or []
        able = [model for model in models if _CHAT in (model.get("apis") or [_CHAT])]
        if not able:
            raise NotFound(f"{self.url} has no model to chat with. Fetch one: dinrail models pull smollm2")
        return str(able[0]["id"])

    def answer(self, model: str, messages: Sequence[Message]) -> Iterator[Piece]:
        """The model's answer, as it comes.

        Raises:
            DinrailError: The server refused, or failed on the way.
        """
        body = {"model": model, "messages": list(messages), "stream": True}
        with self._answer("POST", "/chat/completions", json.dumps(body).encode()) as response:
            while line := response.readline():
                data = line.removeprefix(b"data:").strip()
                if data == line.strip() or not data:
                    continue  # a comment, an event's name, or the end of a frame
                if data == b"[DONE]":
                    return
                yield from _pieces(_parse(data))

    @contextmanager
    def _answer(self, method: str, path: str, body: bytes | None) -> Iterator[http.client.HTTPResponse]:
        connection = self._connect()
        try:
            headers = {**self._headers, **({"content-type": "application/json"} if body else {})}
            connection.request(method, self._path + path, body, headers)
            response = connection.getresponse()
            if response.status != http.client.OK:
                raise UpstreamFailed(_message(response.status, response.read()))
            yield response
        except TimeoutError:
            raise UpstreamTimeout(f"{self.url} did not answer within {self._timeout:g} s.") from None
        except ConnectionRefusedError:
            raise UpstreamUnavailable(f"Nothing listens on {self.url}. Start a server: dinrail serve") from None
        except (OSError, http.client.HTTPException) as error:
            raise UpstreamUnavailable(
                f"{self.url} cannot be talked to ({str(error) or type(error).__name__})."
            ) from None
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        if self._secure:
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=context)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)


def _parse(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        raise UpstreamInvalid("The server sent something that is not JSON.") from None
    if not isinstance(found, dict):
        raise UpstreamInvalid("The server sent something that is no object.")
    return found


def _pieces(event: dict[str, Any]) -> Iterator[Piece]:
    if event.get("error"):
        error = event["error"]
        raise UpstreamFailed(str(error.get("message") if isinstance(error, dict) else error))
    for choice in event.get("choices") or []:
        delta = choice.get("delta") or {}
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if thought:
            yield Piece(str(thought), thought=True)
        if delta.get("content"):
            yield Piece(str(delta["content"]))


def _message(status: int, body: bytes) -> str:
    try:
        return str(_parse(body)["error"]["message"])
    except (DinrailError, KeyError, TypeError):
        return f"The server answered {status} {http.client.responses.get(status, '')}".rstrip() + "."

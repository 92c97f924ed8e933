"""Loads of requests that the server is asked to keep something of."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import Any

from benchmarks import payloads
from benchmarks.client import Connection, post
from benchmarks.loads import Load, WrongAnswer, model_id

__all__ = ["StoreCompletion", "StoreConversation", "StoreItem", "StorePrompt"]


class _Storing(Load):
    """Requests each of which makes one object with an id of its own."""

    async def _client(self, url: str, index: int) -> int:
        seen = set()
        async with await Connection.to(url) as connection:
            request = await self._request(connection)
            for _ in range(self.amount):
                seen.add(self._look(await _ask(connection, request)))
        if len(seen) != self.amount:
            raise WrongAnswer(f"{self.amount} objects have {len(seen)} ids")
        return self.amount

    @abstractmethod
    async def _request(self, connection: Connection) -> bytes:
        """The request, and what has to be there for it."""

    @abstractmethod
    def _look(self, said: dict[str, Any]) -> str:
        """Compare an answer with what it should be, and return the id in it."""


class StorePrompt(_Storing):
    """Prompts of one kilobyte."""

    async def _request(self, connection: Connection) -> bytes:
        return post("/v1/prompts", payloads.prompt_request())

    def _look(self, said: dict[str, Any]) -> str:
        return _checked(said, {**payloads.prompt_answer(), "prompt_id": said.get("prompt_id")}, "prompt_id")


class StoreConversation(_Storing):
    """Conversations, each with an item of one kilobyte."""

    async def _request(self, connection: Connection) -> bytes:
        return post("/v1/conversations", payloads.items_request())

    def _look(self, said: dict[str, Any]) -> str:
        return _checked(said, {**said, "object": "conversation", "metadata": {}}, "id")


class StoreItem(_Storing):
    """Items of one kilobyte, each client's in a conversation of its own."""

    async def _request(self, connection: Connection) -> bytes:
        conversation = await _ask(connection, post("/v1/conversations", b"{}"))
        return post(f"/v1/conversations/{conversation['id']}/items", payloads.items_request())

    def _look(self, said: dict[str, Any]) -> str:
        item = said["data"][0]
        _checked(
            said, {**said, "data": [item], "first_id": item["id"], "last_id": item["id"], "has_more": False}, "first_id"
        )
        return _checked(item, payloads.item_answer() | {"id": item["id"]}, "id")


class StoreCompletion(_Storing):
    """Chats of one kilobyte each way whose answers are stored."""

    async def _request(self, connection: Connection) -> bytes:
        return post("/v1/chat/completions", payloads.chat_request(model_id(payloads.CHAT_MODEL), store=True))

    def _look(self, said: dict[str, Any]) -> str:
        known = json.loads(payloads.chat_answer())
        return _checked(said, said | {"choices": known["choices"], "usage": known["usage"]}, "id")


async def _ask(connection: Connection, request: bytes) -> dict[str, Any]:
    reply = await connection.begin(request)
    if reply.status != 200:
        raise WrongAnswer(f"{reply.status} {reply.body[:200]!r}")
    said: dict[str, Any] = json.loads(reply.body)
    return said


def _checked(said: dict[str, Any], expected: dict[str, Any], key: str) -> str:
    if said != expected:
        raise WrongAnswer(f"{json.dumps(said)[:300]}, and not {json.dumps(expected)[:300]}")
    return str(said[key])

"""Anthropic's own models, over the Messages API."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from dinrail_anthropic.answers import read_message
from dinrail_anthropic.events import MessageReducer
from dinrail_anthropic.requests import EFFORTS, Abilities, messages_request
from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.wire import Wire
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.translation import TranslatedEvents, translated, wants_usage
from dinrail_sdk.upstream import Upstream

__all__ = ["Anthropic"]

_MOST_LISTED = 1000
"""Models on one page of the list; Anthropic's own limit."""

_UNKNOWN = Abilities()


class _Message(Wire):
    """What is checked of an answer before it is translated."""

    content: list[Any]


class Anthropic(ChatModel, ModelSource):
    """Chats over ``POST /v1/messages``.

    Args:
        upstream: The API's root, without ``/v1``.
        max_tokens: For requests without a limit.
    """

    def __init__(self, upstream: Upstream, *, max_tokens: int) -> None:
        self._upstream = upstream
        self._max_tokens = max_tokens
        self._abilities: Mapping[str, Abilities] = {}

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`ChatModel.complete`."""
        answer = await self._upstream.answer(_Message, "v1/messages", self._body(request, stream=False), call)
        created = int(time.time())
        return translated(answer, ChatCompletion, lambda message: read_message(message, created))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`ChatModel.stream`."""
        usage, created = wants_usage(request), int(time.time())
        return await self._upstream.stream(
            ChatChunk,
            "v1/messages",
            self._body(request, stream=True),
            call,
            events=lambda: TranslatedEvents(MessageReducer(usage=usage, created=created)),
        )

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`; what each of them can do is remembered, and retired ones are left out."""
        found: list[dict[str, Any]] = []
        page = f"v1/models?limit={_MOST_LISTED}"
        while page:
            entries, last = _page(await self._upstream.get(page, Call()))
            found += [entry for entry in entries if entry.get("lifecycle") != "retired"]
            page = f"v1/models?limit={_MOST_LISTED}&after_id={quote(last, safe='')}" if last else ""
        self._abilities = {entry["id"]: _abilities(entry) for entry in found}
        return list({entry["id"]: _listed(entry) for entry in found}.values())

    def _body(self, request: ChatRequest, *, stream: bool) -> bytes:
        abilities = self._abilities.get(request.model, _UNKNOWN)
        sent = messages_request(request, max_tokens=self._max_tokens, stream=stream, abilities=abilities)
        return orjson.dumps(sent)


def _page(text: bytes) -> tuple[list[dict[str, Any]], str | None]:
    """The models of a page, and behind which of them the next begins.

    Raises:
        UpstreamInvalid: It is no such list.
    """
    try:
        page = orjson.loads(text)
        entries, last = page["data"], page.get("last_id") if page.get("has_more") else None
        if not isinstance(entries, list) or not all(isinstance(entry["id"], str) for entry in entries):
            raise TypeError
        if last is not None and (not isinstance(last, str) or not entries):
            raise TypeError
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError):
        raise UpstreamInvalid("The upstream's list of models is not Anthropic's.") from None
    return entries, last


def _listed(entry: Mapping[str, Any]) -> ModelInfo:
    longest = entry.get("max_input_tokens")
    return ModelInfo(
        entry["id"],
        created=_seconds(entry.get("created_at")),
        context_length=longest if type(longest) is int and longest > 0 else None,
    )


def _seconds(text: object) -> int:
    """Seconds since the epoch of an RFC 3339 time; 0 where it is none, or the epoch itself, which means unknown."""
    try:
        return max(0, int(datetime.fromisoformat(str(text)).timestamp()))
    except (ValueError, OverflowError):
        return 0


def _abilities(entry: Mapping[str, Any]) -> Abilities:
    """What a model can do; what the list leaves open is taken for what today's models do."""
    can, most = entry.get("capabilities"), entry.get("max_tokens")
    most = most if type(most) is int and most > 0 else None
    if not isinstance(can, Mapping):
        return Abilities(most=most)
    return Abilities(
        most=most,
        adaptive=_supported(can, "thinking", "types", "adaptive"),
        budgeted=_supported(can, "thinking", "types", "enabled"),
        effort=_supported(can, "effort"),
        efforts=frozenset(level for level in EFFORTS if _supported(can, "effort", level)) or frozenset(EFFORTS),
    )


def _supported(can: Any, *path: str) -> bool:
    for name in path:
        can = can.get(name) if isinstance(can, Mapping) else None
    return isinstance(can, Mapping) and can.get("supported") is True

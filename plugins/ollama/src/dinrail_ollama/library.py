"""Models that are there, and fetching others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import orjson

from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import ModelInfo, PullProgress
from dinrail_core.api.wire import Wire
from dinrail_core.errors import InvalidRequest, NotFound, UpstreamFailed, UpstreamInvalid, UpstreamUnavailable
from dinrail_ollama.answers import seconds
from dinrail_sdk.translation import TranslatedEvents, lines_of
from dinrail_sdk.upstream import LINES, Upstream

__all__ = ["Shelf", "pulled"]

_CONTRACTS: Mapping[str, type] = {"completion": ChatModel, "embedding": Embedder}
_AT_ONCE = 8
"""Models that are asked about at the same time."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")


class Shelf:
    """The models of a server.

    Versions before that of August 2026 do not list what a model can do, so each is asked about once: what belongs to a
    digest never changes.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._known: dict[tuple[str, str], Mapping[str, Any]] = {}

    async def models(self) -> Sequence[ModelInfo]:
        """The models that are there now; those that neither chat nor embed are left out.

        Raises:
            UpstreamError: The server does not answer, or with something else.
        """
        found = _object(await self._upstream.get("api/tags", Call()), "list of models").get("models")
        if found is None:
            return []  # a server without any may say null
        if not isinstance(found, list) or not all(isinstance(entry, dict) and _name(entry) for entry in found):
            raise UpstreamInvalid("The upstream's list of models is not Ollama's.")
        room = asyncio.Semaphore(_AT_ONCE)
        tasks = [asyncio.ensure_future(self._told(entry, room)) for entry in found]
        try:
            told = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        keys = {(_name(entry), str(entry.get("digest"))) for entry in found}
        self._known = {key: value for key, value in self._known.items() if key in keys}
        listed = (_listed(entry, about) for entry, about in zip(found, told, strict=True))
        return list({model.id: model for model in listed if model is not None}.values())

    async def _told(self, entry: Mapping[str, Any], room: asyncio.Semaphore) -> Mapping[str, Any]:
        """What the list says of a model, or else what the server says when it is asked."""
        if isinstance(entry.get("capabilities"), list):
            details = entry.get("details")
            longest = details.get("context_length") if isinstance(details, Mapping) else None
            return {"capabilities": entry["capabilities"], "context_length": longest}
        key = (_name(entry), str(entry.get("digest")))
        if key not in self._known:
            async with room:
                text = await self._upstream.post("api/show", orjson.dumps({"model": key[0]}), Call())
            shown = _object(text, "description of a model")
            info = shown.get("model_info")
            lengths = [value for name, value in info.items() if name.endswith(".context_length")] if info else []
            self._known[key] = {
                "capabilities": shown.get("capabilities"),
                "context_length": lengths[0] if lengths else None,
            }
        return self._known[key]


async def pulled(upstream: Upstream, name: str) -> AsyncGenerator[PullProgress, None]:
    """Let the server fetch a model from its library, and tell how far it is; see :meth:`ModelLibrary.pull`.

    Raises:
        InvalidRequest: That is no name.
        NotFound: There is no such model.
        UpstreamError: The server does not answer, or could not fetch it.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} is no name of a model, such as 'qwen3:8b' or 'hf.co/owner/model:Q4_K_M'.")
    body = orjson.dumps({"model": name, "stream": True})
    stream = await upstream.stream(
        _Step, "api/pull", body, Call(), events=lambda: TranslatedEvents(_Pull(name), lines_of), framing=LINES
    )
    done: dict[str, int] = {}
    total: dict[str, int] = {}
    async with aclosing(stream):
        async for step in stream:
            if step.digest and step.total is not None:
                total[step.digest] = step.total
                done[step.digest] = max(done.get(step.digest, 0), step.completed or 0)
            yield PullProgress(sum(done.values()), sum(total.values()) if total else None, step.status)


class _Step(Wire):
    """A line of a pull."""

    status: str
    digest: str | None = None
    total: int | None = None
    completed: int | None = None


class _Pull:
    """Looks for the errors and the end of a pull; see :class:`~dinrail_sdk.translation.Reducer`."""

    def __init__(self, name: str) -> None:
        self.finished = False
        self.done = False
        self._name = name

    def feed(self, event: dict[str, Any]) -> bytes:
        if "error" in event:
            reason = str(event["error"])[:300]
            if "does not exist" in reason or "not found" in reason:
                raise NotFound(f"Ollama's library has no model '{self._name}'.")
            if "dial tcp" in reason or "no such host" in reason:
                raise UpstreamUnavailable(f"Ollama cannot reach its library: {reason}")
            raise UpstreamFailed(f"Ollama could not fetch the model: {reason}")
        self.finished = self.done = event["status"] == "success"
        return b"data: %b\n\n" % orjson.dumps(event)


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise UpstreamInvalid(f"The upstream's {what} is not Ollama's.")
    return found


def _name(entry: Mapping[str, Any]) -> str:
    name = entry.get("model") or entry.get("name")
    return name if isinstance(name, str) else ""


def _listed(entry: Mapping[str, Any], about: Mapping[str, Any]) -> ModelInfo | None:
    can, longest = about["capabilities"], about["context_length"]
    contracts = frozenset(_CONTRACTS[one] for one in can if one in _CONTRACTS) if isinstance(can, list) else frozenset()
    if isinstance(can, list) and can and not contracts:
        return None
    try:
        created = seconds(str(entry.get("modified_at")))
    except (ValueError, OverflowError):
        created = 0
    length = longest if type(longest) is int and longest > 0 else None
    return ModelInfo(_name(entry), contracts, created=created, context_length=length)

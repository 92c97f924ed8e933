"""Models on Amazon Bedrock, over its Converse API."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from dinrail_bedrock.answers import read_converse
from dinrail_bedrock.events import ConverseReducer
from dinrail_bedrock.framing import MESSAGES
from dinrail_bedrock.requests import converse_request
from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.wire import Wire
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.translation import TranslatedEvents, lines_of, translated, wants_usage
from dinrail_sdk.upstream import Upstream

__all__ = ["Bedrock"]

_PAGE = 1000
"""Profiles on one page of the list; Bedrock's own limit."""
_CHATS = frozenset({ChatModel})


class _Conversed(Wire):
    """What is checked of an answer before it is translated: an object."""


class Bedrock(ChatModel, ModelSource):
    """Chats over ``Converse`` and ``ConverseStream``.

    Args:
        runtime: Where models are asked.
        lists: Where they are listed.
        models: Those to offer; without any, what is listed.
    """

    def __init__(self, runtime: Upstream, lists: Upstream, *, models: Sequence[str]) -> None:
        self._runtime = runtime
        self._lists = lists
        self._models = models

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`ChatModel.complete`."""
        body = orjson.dumps(converse_request(request))
        answer = await self._runtime.answer(_Conversed, _path(request.model, "converse"), body, call)
        return translated(answer, ChatCompletion, lambda said: read_converse(said, _about(request.model)))

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        """See :meth:`ChatModel.stream`."""
        body, usage = orjson.dumps(converse_request(request)), wants_usage(request)
        return await self._runtime.stream(
            ChatChunk,
            _path(request.model, "converse-stream"),
            body,
            call,
            events=lambda: TranslatedEvents(ConverseReducer(_about(request.model), usage=usage), lines_of),
            framing=MESSAGES,
        )

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`: models that write text, by themselves or through an inference profile."""
        if self._models:
            return [ModelInfo(name, _CHATS) for name in self._models]
        listed = _entries(await self._lists.get("foundation-models?byOutputModality=TEXT", Call()), "modelSummaries")[0]
        found = {entry["modelId"]: ModelInfo(entry["modelId"], _CHATS) for entry in listed if _is_on_demand(entry)}
        writers = {entry["modelId"] for entry in listed}
        token: str | None = ""
        while token is not None:
            query = urlencode({"maxResults": _PAGE} | ({"nextToken": token} if token else {}))
            text = await self._lists.get(f"inference-profiles?{query}", Call())
            profiles, token = _entries(text, "inferenceProfileSummaries")
            for profile in profiles:
                if writers & _models_of(profile):
                    name = _name_of(profile)
                    found[name] = ModelInfo(name, _CHATS, created=_seconds(profile.get("createdAt")))
        return list(found.values())


def _path(model: str, operation: str) -> str:
    return f"model/{quote(model, safe='')}/{operation}"


def _about(model: str) -> dict[str, Any]:
    return {"id": secrets.token_hex(12), "created": int(time.time()), "model": model}


_NAMES = {"modelSummaries": "modelId", "inferenceProfileSummaries": "inferenceProfileId"}


def _entries(text: bytes, key: str) -> tuple[list[dict[str, Any]], str | None]:
    """The entries of a page, and the mark of the next.

    Raises:
        UpstreamInvalid: It is no such list.
    """
    try:
        page = orjson.loads(text)
        entries, token = page[key], page.get("nextToken") or None
        if not isinstance(entries, list) or not all(isinstance(entry[_NAMES[key]], str) for entry in entries):
            raise TypeError
        if token is not None and not isinstance(token, str):
            raise TypeError
    except (orjson.JSONDecodeError, AttributeError, LookupError, TypeError):
        raise UpstreamInvalid("The upstream's list of models is not Bedrock's.") from None
    return entries, token


def _is_on_demand(entry: Mapping[str, Any]) -> bool:
    """Whether it can be asked under its own name; what the list leaves open is taken for yes."""
    kinds = entry.get("inferenceTypesSupported")
    return not isinstance(kinds, list) or "ON_DEMAND" in kinds


def _models_of(profile: Mapping[str, Any]) -> set[str]:
    """The ids of the models behind a profile, which stand at the ends of their ARNs."""
    behind = profile.get("models")
    arns = [one.get("modelArn") for one in behind if isinstance(one, Mapping)] if isinstance(behind, list) else []
    return {arn.rpartition("/")[2] for arn in arns if isinstance(arn, str)}


def _name_of(profile: Mapping[str, Any]) -> str:
    """What it is asked by: the region's profiles by their ids, one's own by their ARNs."""
    own = profile.get("type") == "APPLICATION"
    return str((profile.get("inferenceProfileArn") if own else None) or profile["inferenceProfileId"])


def _seconds(text: object) -> int:
    """Seconds since the epoch of an ISO 8601 time; 0 where it is none."""
    try:
        return max(0, int(datetime.fromisoformat(str(text)).timestamp()))
    except (ValueError, OverflowError):
        return 0

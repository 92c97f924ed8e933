"""Models on Amazon Bedrock: chats over its Converse API, embeddings over ``InvokeModel``."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from dinrail_bedrock.answers import read_converse
from dinrail_bedrock.embeddings import bodies_for, embeddings_of, texts_of
from dinrail_bedrock.events import ConverseReducer
from dinrail_bedrock.framing import MESSAGES
from dinrail_bedrock.requests import converse_request
from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.api.wire import Wire
from dinrail_core.errors import UnsupportedFeature, UpstreamInvalid
from dinrail_sdk.translation import TranslatedEvents, cut, each, lines_of, translated, wants_usage
from dinrail_sdk.upstream import Upstream

__all__ = ["Bedrock"]

_PAGE = 1000
"""Profiles on one page of the list; Bedrock's own limit."""


class _Object(Wire):
    """What is checked of an answer before it is translated."""


class Bedrock(ChatModel, Embedder, ModelSource):
    """Chats over ``Converse`` and ``ConverseStream``, embeddings over ``InvokeModel``.

    Args:
        runtime: Where models are asked.
        lists: Where they are listed.
        models: Those to offer; without any, what is listed.
        input_type: What Cohere's models embed texts for, where a request does not say it.
    """

    def __init__(self, runtime: Upstream, lists: Upstream, *, models: Sequence[str], input_type: str) -> None:
        self._runtime = runtime
        self._lists = lists
        self._models = models
        self._input_type = input_type

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        """See :meth:`ChatModel.complete`."""
        body = orjson.dumps(converse_request(request))
        answer = await self._runtime.answer(_Object, _path(request.model, "converse"), body, call)
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

    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """See :meth:`Embedder.embed`; more texts than fit into one request are sent in parts."""
        bodies = bodies_for(request.model)
        if bodies is None:
            message = "How this model is asked for embeddings is not known; Amazon's Titan and Cohere's are."
            raise UnsupportedFeature(message, param="model")
        texts, path = texts_of(request), _path(request.model, "invoke")
        asked = bodies.asked(request, self._input_type)

        async def ask(part: Sequence[str]) -> Answer[_Object]:
            return await self._runtime.answer(_Object, path, orjson.dumps(asked | bodies.texts(part)), call)

        answers = await each(ask, cut(texts, bodies.most))
        found = embeddings_of(answers, bodies, request, len(texts))
        return Answer(EmbeddingResponse, body=orjson.dumps(found), headers=answers[-1].headers)

    async def models(self) -> Sequence[ModelInfo]:
        """See :meth:`ModelSource.models`: those that write or embed text, by themselves or through a profile."""
        if self._models:
            return [ModelInfo(name, _contracts(name)) for name in self._models]
        listed = _entries(await self._lists.get("foundation-models", Call()), "modelSummaries")[0]
        usable = {entry["modelId"] for entry in listed if _is_usable(entry)}
        found = {
            name: ModelInfo(name, _contracts(name))
            for entry in listed
            if (name := entry["modelId"]) in usable and _is_on_demand(entry)
        }
        token: str | None = ""
        while token is not None:
            query = urlencode({"maxResults": _PAGE} | ({"nextToken": token} if token else {}))
            text = await self._lists.get(f"inference-profiles?{query}", Call())
            profiles, token = _entries(text, "inferenceProfileSummaries")
            for profile in profiles:
                name, behind = _name_of(profile), usable & _models_of(profile)
                # The name of one's own profile tells nothing: how it is asked for embeddings is not known.
                if behind and (bodies_for(name) or not any(map(bodies_for, behind))):
                    found[name] = ModelInfo(name, _contracts(name), created=_seconds(profile.get("createdAt")))
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


def _is_usable(entry: Mapping[str, Any]) -> bool:
    """Whether it writes text, or embeds it in a way that is known here; what the list leaves open is taken for yes."""
    kinds = entry.get("outputModalities")
    if not isinstance(kinds, list) or "TEXT" in kinds:
        return True
    return "EMBEDDING" in kinds and bodies_for(entry["modelId"]) is not None


def _contracts(model: str) -> frozenset[type]:
    return frozenset({ChatModel if bodies_for(model) is None else Embedder})


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

"""The words by which the operator says what a server serves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.moderations import Moderator
from dinrail_core.api.rerank import Reranker
from dinrail_core.api.responses.contract import NativeResponses

__all__ = ["Api", "contracts"]

Api: TypeAlias = Literal["chat", "completions", "embeddings", "rerank", "moderations"]
"""An API by the last part of its path."""

_CONTRACTS: dict[Api, type] = {
    "chat": ChatModel,
    "completions": CompletionModel,
    "embeddings": Embedder,
    "rerank": Reranker,
    "moderations": Moderator,
}


def contracts(apis: Collection[Api] | None, *, responses: bool = False) -> frozenset[type]:
    """The contracts of ``apis``, and of responses where they are served; none, which means all, without ``apis``."""
    if not apis:
        return frozenset()
    found = frozenset(_CONTRACTS[api] for api in apis)
    return found | {NativeResponses} if responses else found

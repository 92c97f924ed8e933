"""How a wrong provider says which cases must catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from honest_provider import Honest

from dinrail_sdk.testing.operations import COMPLETE, COMPLETE_TEXT, EMBED, MODELS, MODERATE, RERANK, STREAM, STREAM_TEXT

ALL = (COMPLETE, STREAM, COMPLETE_TEXT, STREAM_TEXT, EMBED, RERANK, MODERATE, MODELS)
ASKING = tuple(operation for operation in ALL if operation.asks)
STREAMING = tuple(operation for operation in ALL if operation.streams)
WHOLE = tuple(operation for operation in ALL if not operation.streams)

QUICK = (COMPLETE, STREAM, EMBED)
"""Faults whose cases wait for seconds are tried with these only."""


@dataclass(frozen=True)
class Wrong:
    """A provider, and one case that must fail with it."""

    kind: type[Honest]
    case: str
    operation: str | None
    contract: str

    def __str__(self) -> str:
        return f"{self.kind.__name__}-{self.case}" + (f"[{self.operation}]" if self.operation else "")


WRONG: list[Wrong] = []

CONTRACTS = {
    "chat": "ChatModel",
    "text": "CompletionModel",
    "embedding": "Embedder",
    "rerank": "Reranker",
    "moderation": "Moderator",
    "models": "ModelSource",
    "health": "Checked",
    "engine": "ChatModel",
}


def caught_by(*cases: str) -> Callable[[type[Honest]], type[Honest]]:
    """Register a provider that each of these cases, which are about one contract, must catch."""

    def register(kind: type[Honest]) -> type[Honest]:
        for case in cases:
            WRONG.append(Wrong(kind, case, None, CONTRACTS[case.partition("_")[0]]))
        return kind

    return register


def caught_each(case: str, operations: tuple[object, ...] = ASKING) -> Callable[[type[Honest]], type[Honest]]:
    """Register a provider that a case which is run for every operation must catch for each of these."""

    def register(kind: type[Honest]) -> type[Honest]:
        for operation in ALL:
            if operation in operations:
                WRONG.append(Wrong(kind, case, operation.id, operation.contract.__name__))
        return kind

    return register

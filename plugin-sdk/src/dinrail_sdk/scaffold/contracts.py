"""The contracts that a new plugin can begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CONTRACTS", "Contract"]


@dataclass(frozen=True, slots=True)
class Contract:
    """What the templates say about a contract.

    Attributes:
        abstract: The abstract class.
        module: The module that it stands in.
        suite: Its conformance suite.
        does: What a provider of it does, as the end of "It …".
        tries: A request by which the new plugin can be tried, as path and JSON body; ``MODEL`` stands for a model id.
    """

    abstract: str
    module: str
    suite: str
    does: str
    tries: tuple[str, str]


CONTRACTS: Mapping[str, Contract] = {
    "chat": Contract(
        "ChatModel",
        "dinrail_core.api.chat.contract",
        "ChatModelSuite",
        "answers chats",
        ("chat/completions", '{"model": "MODEL", "messages": [{"role": "user", "content": "Hello."}]}'),
    ),
    "completions": Contract(
        "CompletionModel",
        "dinrail_core.api.completions",
        "CompletionModelSuite",
        "continues texts",
        ("completions", '{"model": "MODEL", "prompt": "Once upon a time"}'),
    ),
    "embeddings": Contract(
        "Embedder",
        "dinrail_core.api.embeddings",
        "EmbedderSuite",
        "turns texts into vectors",
        ("embeddings", '{"model": "MODEL", "input": "a text"}'),
    ),
    "rerank": Contract(
        "Reranker",
        "dinrail_core.api.rerank",
        "RerankerSuite",
        "orders documents by relevance",
        ("rerank", '{"model": "MODEL", "query": "bread", "documents": ["a stone", "a loaf of bread"]}'),
    ),
    "moderations": Contract(
        "Moderator",
        "dinrail_core.api.moderations",
        "ModeratorSuite",
        "judges texts",
        ("moderations", '{"model": "MODEL", "input": "a text"}'),
    ),
}
"""By the word that ``--contract`` takes."""

"""Declares the ``onnx-embeddings`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import Checked, ModelSource
from dinrail_core.api.rerank import Reranker
from dinrail_core.hooks import Context, ProviderType, hookimpl

__all__ = ["DEFAULT_MODEL", "DINRAIL_API", "OnnxEmbeddingsConfig"]

DINRAIL_API = ">=1.0,<2"

DEFAULT_MODEL = "all-minilm-l6-v2"
"""The name of the model that comes with the plugin."""


class OnnxEmbeddingsConfig(BaseModel, extra="forbid", defer_build=True):
    """One sentence model. Without any key it is all-MiniLM-L6-v2 (384 dimensions, English, 23 MB)."""

    model: Path | None = None
    """An ONNX file with the inputs ``input_ids`` and ``attention_mask`` (``token_type_ids`` is known too). Its first
    output is either a state per token, which is pooled here, or one vector per text. Needs ``name``."""
    tokenizer: Path | None = None
    """The model's ``tokenizer.json``; without it, the one beside ``model``."""
    name: Annotated[str, Field(min_length=1, max_length=200)] = DEFAULT_MODEL
    """What the model is called in requests."""
    pooling: Literal["mean", "cls"] = "mean"
    """How the tokens' states become one vector: their mean, or the first token's state (BGE, E5-large and others)."""
    normalize: bool = True
    """Whether vectors are brought to length 1, so that the inner product is the cosine."""
    max_tokens: Annotated[int, Field(ge=8, le=131_072)] = 512
    """The most tokens of one text, the tokenizer's special tokens included; a longer one is refused."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads that work on one batch."""
    max_batch_tokens: Annotated[int, Field(ge=64, le=1_048_576)] = 512
    """The most tokens of one batch, padding included. Beyond the default a single thread gets slower, as the
    intermediate values no longer fit into its cache."""
    max_waiting_tokens: Annotated[int, Field(ge=1024)] = 1_048_576
    """When more than this waits, further requests are refused for the moment (503 with ``Retry-After``)."""
    bm25_weight: Annotated[float, Field(ge=0, le=1)] = 0.4
    """How much matching words count in reranking; the rest is the cosine of the vectors."""

    @model_validator(mode="after")
    def _own_model_is_named(self) -> Self:
        if self.model is not None and "name" not in self.model_fields_set:
            raise ValueError("a model of your own needs a name")
        if self.model is None and self.tokenizer is not None:
            raise ValueError("a tokenizer without its model")
        return self


def _detect(environment: Mapping[str, str]) -> Mapping[str, object]:
    """The model is part of the plugin, so there is always one."""
    return {}


@asynccontextmanager
async def _open(config: OnnxEmbeddingsConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_onnx_embeddings.provider import OnnxEmbeddings

    async with OnnxEmbeddings.opened(config, context.name) as provider:
        yield provider


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """The provider; an instance of it is there without configuration."""
    yield ProviderType(
        name="onnx-embeddings",
        config=OnnxEmbeddingsConfig,
        apis=frozenset({Embedder, Reranker, ModelSource, Checked}),
        open=_open,
        detect=_detect,
        summary="Embeddings and reranking on the CPU, in this process; MiniLM is included",
    )

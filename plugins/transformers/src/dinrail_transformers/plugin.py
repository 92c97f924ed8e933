"""Declares the ``transformers`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import Checked, ModelSource
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl

__all__ = ["DINRAIL_API", "TRANSFORMERS", "CallForm", "ModelConfig", "ModelName", "TransformersConfig"]

DINRAIL_API = ">=1.0,<2"

ModelName: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", min_length=1, max_length=200)
]
"""What requests call a model."""

CallForm: TypeAlias = Literal["hermes", "mistral", "llama", "none"]
"""How a model writes its tool calls: ``<tool_call>…</tool_call>`` (Hermes, Qwen, and others that took after them),
``[TOOL_CALLS]…`` (Mistral), a bare JSON object (Llama 3), or not at all."""


def _from_source(value: object) -> object:
    return {"source": value} if isinstance(value, str) else value


class ModelConfig(BaseModel, extra="forbid", defer_build=True):
    """One model. Its source alone will do; what is left out has the default."""

    source: Annotated[str, Field(min_length=1, max_length=4096)]
    """A folder (beginning with `/`, `./` or `~`), or a name on the hub such as `Qwen/Qwen3-0.6B`. Weights are read from
    safetensors alone, and code that comes with a model is never run."""
    revision: str | None = None
    """A branch, tag or commit on the hub; a commit makes sure that it is always the same model."""
    device: Annotated[str, StringConstraints(pattern=r"^(auto|cpu|mps|cuda(:\d+)?|xpu(:\d+)?)$")] = "auto"
    """`cpu`, `cuda`, `cuda:1`, `mps`, …; `auto` takes a GPU where there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """The numbers that it is computed with; `auto` takes those that it was saved with."""
    context: Annotated[int, Field(ge=8, le=16_777_216)] | None = None
    """Tokens of one request, prompt and answer together, or of one text to be embedded; without it, as many as the
    model was made for."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """The longest answer where a request names no limit; without it, whatever `context` leaves."""
    chat_template: str | None = None
    """A Jinja template of chats, instead of the model's own."""
    tool_calls: Literal["auto"] | CallForm = "auto"
    """How it writes its tool calls: `hermes`, `mistral`, `llama`, `none`; `auto` sees it by the chat template."""
    embedding: bool = False
    """Whether the model makes embeddings; it then serves nothing else."""
    pooling: Literal["mean", "cls", "last"] = "mean"
    """How the tokens' vectors become one, where the model makes embeddings, as its card says."""
    normalize: bool = True
    """Whether embeddings have the length 1."""
    batch_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 2048
    """Tokens of texts that are embedded in one pass, padding included; a longer text makes a pass alone."""

    @property
    def folder(self) -> Path | None:
        """The folder that ``source`` names, or ``None`` where it is a name on the hub."""
        return Path(self.source).expanduser() if self.source.startswith(("/", "./", "../", "~")) else None

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.embedding and (self.chat_template or self.max_tokens or self.tool_calls != "auto"):
            raise ValueError("chat_template, max_tokens and tool_calls are for chats, and the model makes embeddings")
        if not self.embedding and {"pooling", "normalize", "batch_tokens"} & self.model_fields_set:
            raise ValueError("pooling, normalize and batch_tokens are for models with embedding = true")
        if self.revision and self.folder is not None:
            raise ValueError("revision is for a model of the hub, and the source is a folder")
        return self


class TransformersConfig(BaseModel, extra="forbid", defer_build=True):
    """Models that run in this process, each in a thread of its own."""

    models: Annotated[dict[ModelName, Annotated[ModelConfig, BeforeValidator(_from_source)]], Field(min_length=1)]
    """The models by the names that requests use: a folder or a name on the hub, or a table of settings."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Threads that compute on the CPU, for all models of the process together; without it, torch decides."""
    max_waiting: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Requests that a model may have at once, the one that it computes included; beyond it: 503 with `Retry-After`."""
    total_timeout: Annotated[float, Field(gt=0, le=86_400)] = 1800.0
    """Seconds for a whole request, waiting for its turn included."""
    offline: bool = False
    """Whether models of the hub are taken from the cache on this machine alone."""
    hub_token: Secret | None = None
    """The hub's token, for models that are not public; without it, the one that `HF_TOKEN` or `hf auth login` names."""


@asynccontextmanager
async def _open(config: TransformersConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_transformers.provider import Transformers

    async with Transformers.opened(config, context.name) as provider:
        yield provider


TRANSFORMERS = ProviderType(
    name="transformers",
    config=TransformersConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, ModelSource, Checked}),
    open=_open,
    summary="Models of Hugging Face in this process, on CPU or GPU: chats, completions and embeddings",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """The provider; it is there once a model is configured."""
    yield TRANSFORMERS

"""Declares the ``llamacpp`` provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, Field, HttpUrl, StringConstraints, model_validator

from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.completions import CompletionModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.provider import Checked, ModelLibrary, ModelSource
from dinrail_core.hooks import Context, ProviderType, Secret, hookimpl

__all__ = ["DINRAIL_API", "LLAMACPP", "LlamaCppConfig", "ModelConfig", "ModelName", "Seconds", "ToolCalls"]

DINRAIL_API = ">=1.0,<2"

ModelName: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=200)
]
"""What a local model is called; also the name of its file and of its log."""

Seconds: TypeAlias = Annotated[float, Field(gt=0, le=86_400)]

ToolCalls: TypeAlias = Literal["schema", "native"]
"""How tools are called: by a prompt of ours and an answer held to a JSON schema, which works with any model, or by the
model's own chat template through llama.cpp, which is better where the model was trained for it."""

Sampling: TypeAlias = dict[str, bool | int | float | str]


def _from_path(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


class ModelConfig(BaseModel, extra="forbid", defer_build=True):
    """One model on this machine. The path of its file alone will do; what is left out has the default."""

    path: Path | None = None
    """A GGUF file. Without one, these are settings for a model that was found or pulled under this name."""
    context: Annotated[int, Field(ge=64, le=16_777_216)] = 4096
    """Tokens of one request, prompt and answer together. Memory for all of them is taken when the model is loaded."""
    parallel: Annotated[int, Field(ge=1, le=256)] = 2
    """Requests that are computed at the same time, each with its own `context`; others wait."""
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Threads that compute; without it, one less than there are cores."""
    gpu_layers: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Layers that are put on a GPU, with a build of xllamacpp that can; without it, llama.cpp decides."""
    chat_template: str | None = None
    """A Jinja template of chats, instead of the one inside the file."""
    embedding: bool = False
    """Whether the model makes embeddings; it then serves nothing else."""
    pooling: Literal["mean", "cls", "last"] = "mean"
    """How the tokens' vectors become one, where the model makes embeddings."""
    tool_calls: ToolCalls = "schema"
    """How tools are called: `schema` works with any model, `native` uses what its chat template offers."""
    tool_rounds: Annotated[int, Field(ge=1, le=1000)] = 8
    """How often the model may call tools by its own decision (`auto`, with `schema`) before the user speaks again; then
    it answers with what it knows."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """The longest answer where a request names no limit; without it, whatever `context` leaves."""
    sampling: Sampling = {}
    """llama.cpp's sampling parameters for requests that do not set them, such as `{ top_k = 20 }`."""


class LlamaCppConfig(BaseModel, extra="forbid", defer_build=True):
    """Models on this machine, or a llama.cpp server elsewhere. Without any key: the models that are found."""

    models: dict[ModelName, Annotated[ModelConfig, BeforeValidator(_from_path)]] = {}
    """GGUF files by the names that requests use, beside those that are installed or were pulled."""
    max_loaded: Annotated[int, Field(ge=1)] | None = None
    """How many local models may be loaded at once; the one that was used longest ago makes room."""
    start_timeout: Seconds = 120.0
    """Seconds that a local model may take to be loaded."""
    total_timeout: Seconds = 1800.0
    """Seconds for a whole request, waiting for a free place included."""

    url: HttpUrl | None = None
    """A llama.cpp server elsewhere, such as `http://10.0.0.5:8080`; then nothing runs on this machine."""
    api_key: Secret | None = None
    """The key of that server."""
    tool_calls: ToolCalls = "schema"
    """How tools are called by the models of that server; see the same key of `models`."""
    tool_rounds: Annotated[int, Field(ge=1, le=1000)] = 8
    """The same for the models of that server."""

    hub_url: HttpUrl = HttpUrl("https://huggingface.co")
    """Where `dinrail models pull hf:…` fetches from: a model hub, or a mirror that answers like it."""
    hub_token: Secret | None = None
    """The hub's token, for models that are not public."""

    @model_validator(mode="after")
    def _here_or_there(self) -> Self:
        if self.url is None:
            if self.api_key is not None:
                raise ValueError("api_key is the key of the server that `url` names, and there is no `url`")
        elif self.models:
            raise ValueError("`url` names a server elsewhere, which has its own models; use two instances")
        elif self.url.username or self.url.password:
            raise ValueError("`url` must not contain a user or a password; use api_key")
        return self


def _detect(environment: Mapping[str, str]) -> Mapping[str, object]:
    """There is always an instance; which models it has is seen when it is asked for them."""
    return {}


@asynccontextmanager
async def _open(config: LlamaCppConfig, context: Context) -> AsyncIterator[object]:
    from dinrail_llamacpp.provider import open_provider

    async with open_provider(config, context) as provider:
        yield provider


LLAMACPP = ProviderType(
    name="llamacpp",
    config=LlamaCppConfig,
    apis=frozenset({ChatModel, CompletionModel, Embedder, ModelSource, ModelLibrary, Checked}),
    open=_open,
    detect=_detect,
    summary="GGUF models through llama.cpp, on this machine or by URL; SmolLM2 works at once",
)


@hookimpl
def dinrail_providers() -> Iterable[ProviderType]:
    """The provider; an instance of it is there without configuration."""
    yield LLAMACPP

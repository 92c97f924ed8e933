"""Reading the list of models, of which every server has its own idea."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from dinrail_core.api.provider import ModelInfo
from dinrail_core.errors import UpstreamInvalid

__all__ = ["Listed", "read_models"]

Listed: TypeAlias = Callable[[ModelInfo, Mapping[str, Any]], ModelInfo | None]
"""Adds to a model what its entry tells in a server's own words, or leaves it out."""

_LISTS = ("data", "models", "endpoints")
"""OpenAI; Ollama and others; Databricks."""

_CONTEXT_LENGTH = ("loaded_context_length", "context_length", "max_model_len", "context_window", "max_context_length")
"""LM Studio; OpenRouter, Together and others; vLLM; Groq; Mistral and LM Studio."""


def read_models(text: bytes, listed: Listed | None = None) -> Sequence[ModelInfo]:
    """The models of an answer to ``GET /models``.

    Taken are OpenAI's ``{"data": […]}``, ``{"models": […]}`` and a bare array, of objects with ``id`` (or ``name``, or
    ``model``) or of plain names. Whatever else is said may be missing or malformed. A model listed twice is one.

    Args:
        text: The answer's body.
        listed: See :data:`Listed`.

    Raises:
        UpstreamInvalid: It is not JSON, or no list of models in any of these forms.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise UpstreamInvalid("The upstream's list of models is not JSON.") from None
    if isinstance(found, dict):
        found = next((found[key] for key in _LISTS if isinstance(found.get(key), list)), None)
    if not isinstance(found, list):
        raise UpstreamInvalid("The upstream's list of models is not a list.")
    models: dict[str, ModelInfo] = {}
    for entry in found:
        model = _model(entry)
        if model is not None and listed is not None and isinstance(entry, dict):
            model = listed(model, entry)
        if model is not None:
            models.setdefault(model.id, model)
    return list(models.values())


def _model(entry: object) -> ModelInfo | None:
    if isinstance(entry, str):
        return ModelInfo(entry) if entry else None
    if not isinstance(entry, dict):
        return None
    name = next((entry[key] for key in ("id", "name", "model") if isinstance(entry.get(key), str) and entry[key]), None)
    if name is None:
        return None
    owner = entry.get("owned_by")
    return ModelInfo(
        name,
        created=_count(entry.get("created")) or 0,
        owned_by=owner if isinstance(owner, str) and owner else None,
        context_length=_context_length(entry),
    )


def _context_length(entry: Mapping[str, Any]) -> int | None:
    """The context that can be used; llama.cpp tells what the model was trained with in ``meta``."""
    meta = entry.get("meta")
    told = [entry.get(key) for key in _CONTEXT_LENGTH]
    if isinstance(meta, Mapping):
        told += [meta.get("n_ctx"), meta.get("n_ctx_train")]
    return next((count for value in told if (count := _count(value))), None)


def _count(value: object) -> int | None:
    """A number that counts something; some servers send it as a float."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        return None
    return int(value)

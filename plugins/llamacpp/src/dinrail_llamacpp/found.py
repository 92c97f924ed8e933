"""Which models are on this machine: those that the operator names, those that are installed, those that were pulled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from dinrail_llamacpp.catalogue import CATALOGUE
from dinrail_llamacpp.plugin import ModelConfig

__all__ = ["LocalModel", "find_models", "installed_file", "model_name", "models_folder"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model that can be loaded.

    Attributes:
        name: What requests call it.
        file: Its GGUF file, which was there when it was looked for.
        config: How it is loaded and used.
        created: When the file was written, in seconds since the epoch.
    """

    name: str
    file: Path
    config: ModelConfig
    created: int


def models_folder(data_dir: Path) -> Path:
    """Where pulled models are kept."""
    return data_dir / "models"


def find_models(configured: Mapping[str, ModelConfig], data_dir: Path) -> Mapping[str, LocalModel]:
    """Every model whose file is there, by name.

    A configured file comes before one that was pulled, and that before one that is installed as a package. Blocking:
    reads folders and the installed distributions' metadata, but no model and no module.

    Args:
        configured: What the operator configured, by name.
        data_dir: The folder of the instance.
    """
    files = {name: file for name in CATALOGUE if (file := installed_file(name)) is not None}
    files |= {file.stem: file for file in _pulled(data_dir)}
    files |= {name: config.path.expanduser() for name, config in configured.items() if config.path is not None}
    found = {}
    for name, file in files.items():
        try:
            status = file.stat()
        except OSError:
            continue
        found[name] = LocalModel(name, file, _settings(name, configured.get(name)), int(status.st_mtime))
    return found


def installed_file(name: str) -> Path | None:
    """The file of a model of the catalogue, where its package is installed in this environment."""
    entry = CATALOGUE.get(name)
    if entry is None:
        return None
    try:
        files = metadata.distribution(entry.package).files
    except metadata.PackageNotFoundError:
        return None
    for file in files or ():
        if file.as_posix() == entry.member:
            path = Path(str(file.locate()))
            return path if path.is_file() else None
    return None


def model_name(file_name: str) -> str:
    """What a model is called whose file is called so: the stem, without characters that a name cannot have."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", file_name.removesuffix(".gguf")).lstrip("._-")
    return stem or "model"


def _pulled(data_dir: Path) -> list[Path]:
    return [file for file in sorted(models_folder(data_dir).glob("*.gguf")) if _NAME.fullmatch(file.stem)]


def _settings(name: str, configured: ModelConfig | None) -> ModelConfig:
    """What the catalogue knows, and over it what the operator says."""
    entry = CATALOGUE.get(name)
    known = dict(entry.settings) if entry is not None else {}
    said = configured.model_dump(exclude_unset=True) if configured is not None else {}
    return ModelConfig.model_validate({**known, **said})

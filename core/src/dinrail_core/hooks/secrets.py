"""Secrets in configurations: named, not written down."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, SecretStr

__all__ = ["Secret", "resolve_secret"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def resolve_secret(value: object) -> object:
    """Turn ``{"env": "NAME"}`` or ``{"file": "PATH"}`` into what it names; anything else is left to the validator.

    Raises:
        ValueError: The variable is not set, the file cannot be read or is empty, or the table has other keys.
    """
    if not isinstance(value, dict):
        return value
    match value:
        case {"env": str(name)} if len(value) == 1:
            if not _VARIABLE.fullmatch(name):
                # Most likely the secret itself, which must not be repeated in a log.
                raise ValueError("what stands under env is not the name of a variable")
            if not os.environ.get(name):
                raise ValueError(f"the environment variable {name} is not set")
            return os.environ[name]
        case {"file": str(path)} if len(value) == 1:
            try:
                text = Path(path).expanduser().read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError, RuntimeError) as error:
                raise ValueError(f"the file {path} cannot be read ({type(error).__name__})") from None
            if not text:
                raise ValueError(f"the file {path} is empty")
            return text
    raise ValueError('a secret is { env = "NAME" } or { file = "PATH" }')


Secret = Annotated[SecretStr, BeforeValidator(resolve_secret)]
"""A configuration field that is masked wherever it is shown; see :func:`resolve_secret` for how it is written."""

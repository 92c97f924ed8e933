"""What went wrong, as one short sentence that can be shown to anybody."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, SecretBytes, SecretStr

__all__ = ["reason_of", "without_secrets"]

_LONGEST = 300
_MASK = "**********"


def reason_of(error: BaseException) -> str:
    """The error's class and text on one line; of a group with one error, that error's."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:_LONGEST] if text else type(error).__name__


def without_secrets(text: str, config: BaseModel) -> str:
    """``text`` with the secrets of ``config`` masked: clients like to repeat a key that was refused."""
    for secret in sorted(_secrets(config), key=len, reverse=True):
        text = text.replace(secret, _MASK)
    return text


def _secrets(value: object) -> Iterator[str]:
    match value:
        case SecretStr():
            yield from filter(None, [value.get_secret_value()])
        case SecretBytes():
            yield from filter(None, [value.get_secret_value().decode("utf-8", "replace")])
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets(getattr(value, name))
        case dict():
            for item in value.values():
                yield from _secrets(item)
        case list() | tuple() | set() | frozenset():
            for item in value:
                yield from _secrets(item)
        case _:
            return

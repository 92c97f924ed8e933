"""Stored prompts (``/v1/prompts``), as Llama Stack serves them: wire types, contract, and substitution."""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from pydantic import Field

from dinrail_core.api.wire import MISSING, Many, PlainText, Wire
from dinrail_core.errors import InvalidRequest

__all__ = [
    "CreatePrompt",
    "Prompt",
    "PromptList",
    "PromptQuery",
    "SetDefaultVersion",
    "UpdatePrompt",
    "check_variables",
    "placeholders",
    "substitute",
]

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


PromptText = Annotated[PlainText, Field(min_length=1, max_length=1_000_000)]


VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)]


Version = Annotated[int, Field(ge=1)]


class CreatePrompt(Wire):
    """A new prompt, which becomes version 1."""

    prompt: PromptText
    """The text; ``{{name}}`` stands for a variable."""
    variables: Annotated[Many[VariableName], Field(max_length=100)] | None | MISSING = MISSING
    """The names of the variables that the text uses: each of them, and no other."""


class UpdatePrompt(Wire):
    """A new version of a prompt."""

    prompt: PromptText
    version: Version
    """The newest version there is, on which the new one is based; another is a conflict."""
    variables: Annotated[Many[VariableName], Field(max_length=100)] | None | MISSING = MISSING
    set_as_default: bool = True
    """Whether it is the one that is used where no version is named."""


class SetDefaultVersion(Wire):
    """Which version is used where none is named."""

    version: Version


class PromptQuery(Wire):
    """Which version is wanted; the default one where nothing is said."""

    version: Version | MISSING = MISSING


class Prompt(Wire):
    """One version of a prompt."""

    prompt: str | None
    version: int
    prompt_id: str
    variables: list[str]
    is_default: bool


class PromptList(Wire):
    """Prompts, each as its default version; or the versions of one."""

    object: Literal["list"] = "list"
    data: list[Prompt]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False


def placeholders(text: str) -> list[str]:
    """The names of the variables that a text uses, each once, in order of appearance."""
    return list(dict.fromkeys(match[1] for match in _PLACEHOLDER.finditer(text)))


def check_variables(text: str, declared: Collection[str]) -> None:
    """See that a text uses what is declared and declares what is used.

    Raises:
        InvalidRequest: It does not; ``param`` is ``variables``.
    """
    used = placeholders(text)
    undeclared = [name for name in used if name not in declared]
    if undeclared:
        raise InvalidRequest(
            f"The prompt uses variables that are not declared: {', '.join(undeclared)}.", param="variables"
        )
    unused = [name for name in dict.fromkeys(declared) if name not in used]
    if unused:
        raise InvalidRequest(
            f"Variables are declared that the prompt does not use: {', '.join(unused)}.", param="variables"
        )


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of ``{{name}}``, by name alone and once: no expressions, and values are not looked into.

    Args:
        text: The prompt.
        values: A value for every variable; what is not a variable's name between braces stays as it is.
    """
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)

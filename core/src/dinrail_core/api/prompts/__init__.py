"""Stored prompts (``/v1/prompts``), as Llama Stack serves them: wire types, contract, and substitution."""

from typing import TYPE_CHECKING

from dinrail_core.api.lazily import lazily
from dinrail_core.api.prompts.contract import Prompts

if TYPE_CHECKING:
    from dinrail_core.api.prompts.objects import (
        CreatePrompt,
        Prompt,
        PromptList,
        PromptQuery,
        SetDefaultVersion,
        UpdatePrompt,
        check_variables,
        placeholders,
        substitute,
    )

__all__ = [
    "CreatePrompt",
    "Prompt",
    "PromptList",
    "PromptQuery",
    "Prompts",
    "SetDefaultVersion",
    "UpdatePrompt",
    "check_variables",
    "placeholders",
    "substitute",
]

__getattr__ = lazily("dinrail_core.api.prompts.objects")

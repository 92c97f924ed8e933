"""Completions of OpenAI's older kind (``POST /v1/completions``): wire types and contract."""

from typing import TYPE_CHECKING

from dinrail_core.api.completions.contract import CompletionModel
from dinrail_core.api.lazily import lazily

if TYPE_CHECKING:
    from dinrail_core.api.completions.objects import (
        CompletionRequest,
        Prompt,
        TextChoice,
        TextCompletion,
        TextFinishReason,
        TextLogprobs,
    )

__all__ = [
    "CompletionModel",
    "CompletionRequest",
    "Prompt",
    "TextChoice",
    "TextCompletion",
    "TextFinishReason",
    "TextLogprobs",
]

__getattr__ = lazily("dinrail_core.api.completions.objects")

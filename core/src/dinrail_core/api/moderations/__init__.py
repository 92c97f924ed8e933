"""Moderation (``POST /v1/moderations``): wire types and contract."""

from typing import TYPE_CHECKING

from dinrail_core.api.lazily import lazily
from dinrail_core.api.moderations.contract import Moderator

if TYPE_CHECKING:
    from dinrail_core.api.moderations.objects import (
        AppliedInputTypes,
        Categories,
        CategoryScores,
        ModerationImage,
        ModerationImagePart,
        ModerationInput,
        ModerationPart,
        ModerationRequest,
        ModerationResponse,
        ModerationResult,
        ModerationTextPart,
    )

__all__ = [
    "AppliedInputTypes",
    "Categories",
    "CategoryScores",
    "ModerationImage",
    "ModerationImagePart",
    "ModerationInput",
    "ModerationPart",
    "ModerationRequest",
    "ModerationResponse",
    "ModerationResult",
    "ModerationTextPart",
    "Moderator",
]

__getattr__ = lazily("dinrail_core.api.moderations.objects")

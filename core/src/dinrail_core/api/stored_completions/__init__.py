"""Stored chat completions: what ``store: true`` on ``POST /v1/chat/completions`` leaves behind, and the contract.

Specification: OpenAI's 2.3.0, ``ChatCompletionList`` and around it.
"""

from typing import TYPE_CHECKING

from dinrail_core.api.lazily import lazily
from dinrail_core.api.stored_completions.contract import StoredCompletions

if TYPE_CHECKING:
    from dinrail_core.api.stored_completions.objects import (
        DeletedCompletion,
        OtherPart,
        StoredCompletionList,
        StoredCompletionsQuery,
        StoredMessage,
        StoredMessageList,
        StoredMessagesQuery,
        UpdateStoredCompletion,
    )

__all__ = [
    "DeletedCompletion",
    "OtherPart",
    "StoredCompletionList",
    "StoredCompletions",
    "StoredCompletionsQuery",
    "StoredMessage",
    "StoredMessageList",
    "StoredMessagesQuery",
    "UpdateStoredCompletion",
]

__getattr__ = lazily("dinrail_core.api.stored_completions.objects")

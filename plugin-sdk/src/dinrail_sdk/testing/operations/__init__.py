"""The methods of the contracts, as the cases use them."""

from dinrail_sdk.testing.operations.base import BYTES, TYPED, VIEWS, Operation, Streamed, View, Whole
from dinrail_sdk.testing.operations.lists import EMBED, MODELS, MODERATE, RERANK
from dinrail_sdk.testing.operations.text import COMPLETE, COMPLETE_TEXT, STREAM, STREAM_TEXT

__all__ = [
    "BYTES",
    "COMPLETE",
    "COMPLETE_TEXT",
    "EMBED",
    "MODELS",
    "MODERATE",
    "RERANK",
    "STREAM",
    "STREAM_TEXT",
    "TYPED",
    "VIEWS",
    "Operation",
    "Streamed",
    "View",
    "Whole",
]

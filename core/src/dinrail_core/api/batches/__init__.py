"""Batches (``/v1/batches``): files of requests. Specification: OpenAI's 2.3.0, ``Batch`` and around it."""

from typing import TYPE_CHECKING

from dinrail_core.api.batches.contract import Batches
from dinrail_core.api.lazily import lazily

if TYPE_CHECKING:
    from dinrail_core.api.batches.objects import (
        Batch,
        BatchCachedTokens,
        BatchCounts,
        BatchError,
        BatchErrors,
        BatchList,
        BatchReasoningTokens,
        BatchUsage,
        CreateBatch,
        ListBatchesQuery,
    )

__all__ = [
    "Batch",
    "BatchCachedTokens",
    "BatchCounts",
    "BatchError",
    "BatchErrors",
    "BatchList",
    "BatchReasoningTokens",
    "BatchUsage",
    "Batches",
    "CreateBatch",
    "ListBatchesQuery",
]

__getattr__ = lazily("dinrail_core.api.batches.objects")

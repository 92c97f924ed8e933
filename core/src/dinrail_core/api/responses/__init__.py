"""Responses (``/v1/responses``): wire types and contracts.

Specifications: OpenAI's 2.3.0 and Open Responses 2026-04-24.
"""

from typing import TYPE_CHECKING

from dinrail_core.api.lazily import lazily
from dinrail_core.api.responses.contract import STREAM_ID, NativeResponses, Responses, ResponseSession

if TYPE_CHECKING:
    from dinrail_core.api.responses.objects import ResponseEvent
    from dinrail_core.api.responses.request import (
        CompactRequest,
        CountTokens,
        CreateResponse,
        InputItemsQuery,
        ListResponsesQuery,
        RetrieveQuery,
    )
    from dinrail_core.api.responses.response import (
        CompactedResponse,
        DeletedResponse,
        InputTokenCount,
        Response,
        ResponseItemList,
        ResponseList,
    )

__all__ = [
    "STREAM_ID",
    "CompactRequest",
    "CompactedResponse",
    "CountTokens",
    "CreateResponse",
    "DeletedResponse",
    "InputItemsQuery",
    "InputTokenCount",
    "ListResponsesQuery",
    "NativeResponses",
    "Response",
    "ResponseEvent",
    "ResponseItemList",
    "ResponseList",
    "ResponseSession",
    "Responses",
    "RetrieveQuery",
]

__getattr__ = lazily(
    "dinrail_core.api.responses.request",
    "dinrail_core.api.responses.response",
    "dinrail_core.api.responses.objects",
)

"""What a provider of reranking does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dinrail_core.api.answers import Answer
    from dinrail_core.api.call import Call
    from dinrail_core.api.rerank.objects import RerankRequest, RerankResponse

__all__ = ["Reranker"]


class Reranker(ABC):
    """Orders documents by relevance (``POST /v1/rerank``). ``request.model`` is the upstream's own name."""

    @abstractmethod
    async def rerank(self, request: RerankRequest, call: Call) -> Answer[RerankResponse]:
        """Order the documents, best first, at most ``top_n`` of them; equal scores keep the request's order.

        The texts are repeated, as objects, if and only if ``return_documents`` is true; a relay leaves that to its
        upstream.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed.
        """

"""What a provider of embeddings does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dinrail_core.api.answers import Answer
    from dinrail_core.api.call import Call
    from dinrail_core.api.embeddings.objects import EmbeddingRequest, EmbeddingResponse

__all__ = ["Embedder"]


class Embedder(ABC):
    """Turns texts into vectors (``POST /v1/embeddings``). ``request.model`` is the upstream's own name."""

    @abstractmethod
    async def embed(self, request: EmbeddingRequest, call: Call) -> Answer[EmbeddingResponse]:
        """Embed every input, in order, in the ``encoding_format`` that the request names (``float`` without one).

        Raises:
            RequestError: The caller can mend it, for example ``dimensions`` that the model does not have.
            UpstreamError: The upstream failed.
        """

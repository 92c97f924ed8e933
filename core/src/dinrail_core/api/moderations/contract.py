"""What a provider of moderation does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dinrail_core.api.answers import Answer
    from dinrail_core.api.call import Call
    from dinrail_core.api.moderations.objects import ModerationRequest, ModerationResponse

__all__ = ["Moderator"]


class Moderator(ABC):
    """Judges texts and images (``POST /v1/moderations``). ``request.model`` is the upstream's own name."""

    @abstractmethod
    async def moderate(self, request: ModerationRequest, call: Call) -> Answer[ModerationResponse]:
        """Judge every input, in order.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed.
        """

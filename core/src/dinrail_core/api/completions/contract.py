"""What a provider of completions of OpenAI's older kind does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dinrail_core.api.answers import Answer, Stream
    from dinrail_core.api.call import Call
    from dinrail_core.api.completions.objects import CompletionRequest, TextCompletion

__all__ = ["CompletionModel"]


class CompletionModel(ABC):
    """Continues texts (``POST /v1/completions``). ``request.model`` is the upstream's own name."""

    @abstractmethod
    async def complete_text(self, request: CompletionRequest, call: Call) -> Answer[TextCompletion]:
        """Answer as one value; ``request.stream`` is to be ignored.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed.
        """

    @abstractmethod
    async def stream_text(self, request: CompletionRequest, call: Call) -> Stream[TextCompletion]:
        """Answer as a stream, under the same rules as :meth:`dinrail_core.api.chat.contract.ChatModel.stream`.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The upstream failed; after the first event it is raised from the iteration.
        """

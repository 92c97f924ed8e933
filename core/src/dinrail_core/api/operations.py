"""Asking the server's own operations without HTTP: for work that goes on behind a request, like a batch's lines.

Whoever asks names the path and hands the body over, and gets what a client would have got, because the same code
answers. So an API that can be batched is one that has a route, and there is no second list of APIs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from dinrail_core.api.call import Call, Expense, Principal
from dinrail_core.api.jobs import Json

__all__ = ["Operations", "Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation came to.

    Attributes:
        status: The HTTP status that a client would have seen.
        body: The JSON text: the answer, or an error in OpenAI's shape.
        code: The error's code, where it is one.
        retry_after: Seconds until another try makes sense, where that is known.
    """

    status: int
    body: bytes
    code: str | None = None
    retry_after: float | None = None


class Operations(ABC):
    """Performs operations that take a JSON body (``POST``) and answer with one."""

    @abstractmethod
    def check(self, path: str, principal: Principal) -> None:
        """See that somebody can ask for an operation at all.

        Args:
            path: Like ``/v1/embeddings``.
            principal: On whose behalf.

        Raises:
            NotFound: There is no such operation.
            PermissionDenied: The principal may not use it.
        """

    @abstractmethod
    async def perform(self, path: str, body: Json, call: Call) -> Outcome:
        """Perform an operation with what its principal may do and use, as far as that is known of a principal.

        Args:
            path: Like ``/v1/embeddings``.
            body: The parsed body.
            call: On whose behalf, and until when.

        Returns:
            What came of it; errors, too, are outcomes.

        Raises:
            RateLimited: The principal has done too much for now. Nothing has been asked of anybody.
        """

    def spent(self, expenses: Sequence[Expense], call: Call) -> None:  # noqa: B027  # some count nothing
        """Count what models took in work that goes on behind a request and asks them by itself.

        Args:
            expenses: What they took.
            call: On whose behalf.
        """

"""Requests that may be sent again: the contract behind the header ``Idempotency-Key``.

After the IETF's draft of that header: the first answer to a key is kept and given again, a key that comes with another
request is an error, and so is one whose request is still under way.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from dinrail_core.api.call import Call

__all__ = ["Claim", "IdempotencyKeys", "Kept", "Made"]


@dataclass(frozen=True, slots=True)
class Kept:
    """The first answer to a key.

    Attributes:
        status: The HTTP status.
        body: All of it.
        content_type: Its media type.
        path: Where the request went; what it has made stands below.
    """

    status: int
    body: bytes
    content_type: str
    path: str


@dataclass(frozen=True, slots=True)
class Made:
    """That a key's request has been answered, out of what it has made; the answer is not kept beside it.

    Attributes:
        call: On whose behalf, with the seed by which that is found.
    """

    call: Call


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry out the request of a key.

    Attributes:
        call: On whose behalf; its :attr:`~dinrail_core.api.call.Call.seed` is the same for every try of one request,
            also where a process died during an earlier one.
        row: Where the store keeps the key.
        token: Which of several tries this is.
        again: Whether there was an earlier try, which may have made something.
    """

    call: Call
    row: str
    token: str
    again: bool = False


class IdempotencyKeys(ABC):
    """Remembers the answers to requests that carry a key, for 24 hours, each for its own caller.

    All methods raise:
        Unavailable: The store does not work at present.
    """

    @abstractmethod
    async def claim(self, key: str, fingerprint: bytes | None, call: Call) -> Claim | Kept | Made:
        """Begin the request of a key, or get the answer that it had.

        A claim lasts for some seconds and has to be renewed; that of a process that died can then be taken over.

        Args:
            key: What the caller sent, 1 to 255 characters.
            fingerprint: What makes the request the same one: a digest of its operation and its body. ``None`` where the
                body is still to come: whoever is given an answer claims again, with the fingerprint, before it is told,
                and whoever is given a claim says what it was (:meth:`identify`) before anything is made of it.
            call: On whose behalf.

        Raises:
            Conflict: The request is under way (code ``idempotency_in_progress``).
            KeyReused: The key was used for another request.
            NotFound: What the answer told of has been deleted.
        """

    @abstractmethod
    async def identify(self, claim: Claim, fingerprint: bytes) -> None:
        """Say what a request is whose body was still to come when it was claimed; that is durable when this returns.

        Raises:
            Conflict: The claim was taken over.
            KeyReused: An earlier try of the key was another request, and may have made something.
        """

    @property
    @abstractmethod
    def renewal(self) -> float:
        """Seconds after which a claim has to be renewed."""

    @abstractmethod
    async def renew(self, claim: Claim) -> None:
        """Go on holding a claim."""

    @abstractmethod
    async def keep(self, claim: Claim, answer: Kept | None) -> None:
        """Keep the answer; it is durable when this returns. Without effect where the claim was taken over.

        Args:
            claim: The claim.
            answer: ``None`` where what was made tells it: whoever comes again is given :class:`Made`.
        """

    @abstractmethod
    async def forget(self, path: str, call: Call) -> None:
        """Forget the caller's answers that told of something which has been deleted, or of what was part of it.

        Args:
            path: Where that stood, such as ``/v1/prompts/pmpt_1``.
            call: On whose behalf.
        """

    @abstractmethod
    async def release(self, claim: Claim, *, begun: bool) -> None:
        """Let the next try carry the request out.

        Args:
            claim: The claim.
            begun: Whether this try may have made something. If neither it nor an earlier one has, the key may be used
                for another request.
        """

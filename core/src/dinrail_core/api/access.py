"""Who calls, and what they may do: the contract between a server and whatever knows people and keys.

The server asks once per request. An answer holds for seconds, so that asking costs no look-up on most requests and a
key that was taken back is refused soon.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dinrail_core.api.call import Principal
from dinrail_core.errors import ModelNotFound

__all__ = ["Access", "AuditEvent", "Authenticator", "Meter", "ModelDenied", "Policy"]


class ModelDenied(ModelNotFound):
    """There is such a model, but not for this caller, who is told what is told of a model that does not exist."""


class Policy(ABC):
    """What one principal may do. A value: it neither waits nor changes."""

    @property
    @abstractmethod
    def limits_models(self) -> bool:
        """Whether there is any model or provider that the principal may not use."""

    @abstractmethod
    def may_use(self, instance: str, model: str | None) -> bool:
        """Whether the principal may use a model.

        Args:
            instance: The operator's name of the provider.
            model: The upstream's name of the model; ``None`` asks whether the provider may be seen at all.
        """

    @abstractmethod
    def may_call(self, method: str, path: str) -> bool:
        """Whether the principal may use an operation.

        Args:
            method: The HTTP method.
            path: The route's path with its parameters as names, ``/v1/files/{file_id}``.
        """


class Meter(ABC):
    """Counts what one caller uses against what it may use."""

    @property
    @abstractmethod
    def counts_tokens(self) -> bool:
        """Whether somebody wants to know how many tokens an answer took."""

    @abstractmethod
    async def enter(self) -> None:
        """A request begins. Where this returns, :meth:`leave` must follow.

        Raises:
            RateLimited: There have been too many.
        """

    @abstractmethod
    def leave(self, tokens: int) -> None:
        """The request is over.

        Args:
            tokens: How many it took; 0 where nobody counts.
        """

    @abstractmethod
    def headers(self) -> Mapping[str, str]:
        """What is left, as OpenAI's ``x-ratelimit-*`` headers say it."""


@dataclass(frozen=True, slots=True, eq=False)
class Access:
    """A caller that is known.

    Attributes:
        principal: On whose behalf its requests are made.
        credential: An id of what it showed, which is no secret: a key's id, or a token's issuer and subject.
        policy: What it may do.
        meter: What it may use, where that is limited.
        storage_limit: Bytes that its principal may have stored altogether, where that is limited.
    """

    principal: Principal
    credential: str
    policy: Policy
    meter: Meter | None = None
    storage_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Something that an auditor wants to know of. It holds nothing of a request's content.

    Attributes:
        action: What was tried; ``authenticate`` is an attempt that failed, ``deny`` a refusal of somebody known.
        route: The operation, ``DELETE /v1/files/{file_id}``.
        status: The HTTP status that it came to.
        request_id: The id that the caller saw, and other logs carry.
        objects: The ids that the request's path names, and that of what was made.
        principal: Who, where that is known.
        credential: See :attr:`Access.credential`.
        error: The error's code, where it ended with one.
        client: The address that it came from.
    """

    action: Literal["create", "update", "delete", "authenticate", "deny"]
    route: str
    status: int
    request_id: str
    objects: tuple[str, ...] = ()
    principal: Principal | None = None
    credential: str | None = None
    error: str | None = None
    client: str | None = None


class Authenticator(ABC):
    """Knows callers by what they show.

    Attributes:
        required: Whether callers have to show something; once it is so, it stays so while the process lives. Without
            it, the server serves the one user of its machine.
        upstream_keys: Whether callers may bring a key of their own for the upstream.
    """

    required: bool
    upstream_keys: bool

    @abstractmethod
    def recall(self, headers: Mapping[str, str]) -> Access | None:
        """The caller, if it has been identified a moment ago. Takes microseconds.

        Args:
            headers: The request's headers; look-ups ignore case.
        """

    @abstractmethod
    async def identify(self, headers: Mapping[str, str]) -> Access:
        """The caller.

        Args:
            headers: The request's headers; look-ups ignore case.

        Raises:
            Unauthenticated: It shows nothing, or nothing that is known and in force.
            Unavailable: Nobody can be told apart at present.
        """

    @abstractmethod
    def policy(self, principal: Principal) -> Policy:
        """What a principal may do: for work that goes on behind a request, and knows no more than its principal."""

    def meter(self, principal: Principal) -> Meter | None:
        """What counts the work that goes on behind a principal's requests, where that is limited.

        It is no key's: such work has an account of its own, and does not use up what requests may.
        """
        return None

    async def charge(self, principal: Principal, credential: str, tokens: int) -> None:  # noqa: B027  # some limit nobody
        """Charge tokens to the limits of a credential, once work behind its requests has taken them.

        Args:
            principal: On whose behalf.
            credential: See :attr:`Access.credential`.
            tokens: How many.

        Raises:
            Unavailable: They cannot be charged at present.
        """

    @abstractmethod
    def record(self, event: AuditEvent) -> None:
        """Note an event in the audit log. Never waits, and never fails."""

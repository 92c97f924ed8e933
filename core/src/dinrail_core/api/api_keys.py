"""API keys (``/v1/admin/keys``): wire types and contract."""

from abc import ABC, abstractmethod
from typing import Annotated

from pydantic import Field

from dinrail_core.api.call import Call
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = ["ApiKey", "ApiKeyList", "ApiKeys", "CreateApiKey", "CreatedApiKey", "Limits"]

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f,]+$")]
"""Of a tenant, a user or a role: no control characters, and no comma, which stands between several."""


class Limits(Wire):
    """What a caller may use; what is not said is not limited."""

    requests_per_minute: Annotated[int, Field(ge=1, le=10**9)] | None | MISSING = MISSING
    tokens_per_minute: Annotated[int, Field(ge=1, le=10**12)] | None | MISSING = MISSING
    concurrent_requests: Annotated[int, Field(ge=1, le=10**6)] | None | MISSING = MISSING
    stored_bytes: Annotated[int, Field(ge=0, le=2**62)] | None | MISSING = MISSING
    """Bytes that tenant and user may have stored altogether."""


class CreateApiKey(Wire):
    """A new key, and whose requests it makes."""

    tenant: Name
    user: Name | None | MISSING = MISSING
    """The user within the tenant; without one, the key stands for the tenant itself."""
    roles: Annotated[Many[Name], Field(max_length=100)] | MISSING = MISSING
    name: Annotated[str, Field(max_length=200)] | None | MISSING = MISSING
    """For people."""
    expires_at: Annotated[int, Field(ge=0, le=2**53)] | None | MISSING = MISSING
    """Seconds since the epoch from which on it is refused; never where left out."""
    limits: Limits | MISSING = MISSING


class ApiKey(Wire):
    """A key, without what makes it one."""

    id: str
    object: Annotated[str, OpenEnum("api_key")] = "api_key"
    name: str | None
    redacted_value: str
    """Its beginning, by which its owner recognises it."""
    tenant: str
    user: str | None
    roles: list[str]
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    """When it was taken back."""
    limits: Limits


class CreatedApiKey(ApiKey):
    """A key that was just made."""

    value: str
    """The key itself. It is shown this once, and kept nowhere."""


class ApiKeyList(Wire):
    """Keys, those that were taken back included."""

    object: Annotated[str, OpenEnum("list")] = "list"
    data: list[ApiKey]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool = False


class ApiKeys(ABC):
    """Makes keys and takes them back; every server process knows within five seconds.

    Who may do so is the business of whoever calls this: the operator at the command line, and callers with the role
    ``admin`` over HTTP.
    """

    @abstractmethod
    async def create(self, request: CreateApiKey, call: Call) -> CreatedApiKey:
        """Make a key.

        Raises:
            InvalidRequest: It would have expired already.
        """

    @abstractmethod
    async def list(self, page: ListQuery, call: Call) -> ApiKeyList:
        """Every key of every tenant."""

    @abstractmethod
    async def get(self, key_id: str, call: Call) -> ApiKey:
        """One key.

        Raises:
            NotFound: There is none.
        """

    @abstractmethod
    async def revoke(self, key_id: str, call: Call) -> ApiKey:
        """Take a key back for good. Doing so again changes nothing.

        Raises:
            NotFound: There is none.
        """

    @abstractmethod
    async def forget(self, key_id: str, call: Call) -> None:
        """Remove a key altogether, whether or not it has been taken back.

        Without any, and without issuers of tokens, the next start serves everybody who reaches the server.

        Raises:
            NotFound: There is none.
        """

"""API keys (``/v1/admin/keys``): wire types and contract."""

from typing import Annotated

from pydantic import Field

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Many, PlainText, Wire

__all__ = [
    "ApiKey",
    "ApiKeyList",
    "CreateApiKey",
    "CreatedApiKey",
    "Limits",
]

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
    name: Annotated[PlainText, Field(max_length=200)] | None | MISSING = MISSING
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

"""What a maker of keys does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from dinrail_core.api.call import Call
from dinrail_core.api.pages import ListQuery

if TYPE_CHECKING:
    from dinrail_core.api.api_keys.objects import (
        ApiKey,
        ApiKeyList,
        CreateApiKey,
        CreatedApiKey,
    )

__all__ = [
    "ApiKeys",
]


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

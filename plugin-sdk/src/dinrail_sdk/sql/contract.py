"""The contract by which services reach the database."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dinrail_core.api.call import Principal

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from dinrail_sdk.sql.units import Owned

__all__ = ["MIGRATIONS", "Database", "Duplicate"]

T = TypeVar("T")

MIGRATIONS = "dinrail.migrations"
"""The entry-point group in which a distribution names the package of its Alembic revisions.

The entry point's name is the version table's suffix; revisions are files ``<name>_<four digits>_<what>.py`` whose
revision id is ``<name>_<four digits>``, in one line without branches: ``notes = "dinrail_notes.migrations"``.
"""


class Duplicate(Exception):
    """An insert or update met a row that has the same unique key."""


class Database(ABC):
    """One relational store.

    Work is a plain function over a unit: it runs inside one transaction, in a thread or greenlet of the database's
    choice, so it must touch nothing but the unit and values, and must not wait for anything else. It may be done again
    where its transaction was lost through no fault of its own. What it raises undoes its transaction and reaches the
    caller.

    All methods raise:
        Unavailable: The database cannot be reached, is locked by somebody else, or has no room left.
    """

    @abstractmethod
    async def read(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """Do work that only reads, on a snapshot that contains every write acknowledged before."""

    @abstractmethod
    async def write(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """Do work that writes. When this returns, what was written is durable.

        Raises:
            Duplicate: A unique key is taken.
        """

    @abstractmethod
    async def sweep(self, work: Callable[[Connection], T]) -> T:
        """Do maintenance over every owner's rows: expiry, the search for orphans. Never on behalf of a request."""

    async def reach(self) -> None:
        """See that work could be begun, without doing any: for what costs the caller something before it is written."""
        await self.sweep(lambda connection: None)

"""How far the schema has come: what ``dinrail db`` asks of the database that is configured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Schema", "Standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one service's tables stand.

    Attributes:
        name: The service's name.
        current: The revision that the database has; ``None`` before the first.
        head: The newest revision that is installed.
        newer: Whether the database has a revision that the program does not know.
    """

    name: str
    current: str | None
    head: str
    newer: bool

    @property
    def behind(self) -> bool:
        """Whether it can be upgraded."""
        return not self.newer and self.current != self.head


class Schema(ABC):
    """The schema of the database that is configured."""

    @property
    @abstractmethod
    def place(self) -> str:
        """The database, in words without a password."""

    @abstractmethod
    async def standings(self) -> Sequence[Standing]:
        """Where each installed service's tables stand; changes nothing, not even a file's existence.

        Raises:
            Unavailable: The database cannot be reached.
        """

    @abstractmethod
    async def upgrade(self) -> Sequence[str]:
        """Bring all to the newest revision; of several processes, one does it and the others wait.

        Returns:
            What has moved, as ``name: old -> new``.

        Raises:
            ConfigurationError: The database is newer than the program; nothing was changed.
            Unavailable: It cannot be reached.
        """

"""What this plugin's service is to its own command."""

from __future__ import annotations

from abc import ABC, abstractmethod

__all__ = ["Worker"]


class Worker(ABC):
    """Does jobs in this process."""

    @abstractmethod
    async def work(self) -> None:
        """Begin, and go on until the service is closed."""

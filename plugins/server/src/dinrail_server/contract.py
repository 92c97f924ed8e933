"""What the service ``operations`` is to its own server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

__all__ = ["Counted"]


class Counted(ABC):
    """Counts what it does, as the server counts requests."""

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """See :meth:`dinrail_server.metrics.Figures.snapshot`."""

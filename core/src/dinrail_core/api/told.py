"""Requests that say something to one instance alone."""

from __future__ import annotations

from typing import Self

from dinrail_core.api.wire import Wire

__all__ = ["ToldToOne"]


class ToldToOne(Wire):
    """A request that may hold what nobody but the instance that made it is to be told.

    Where a model id leads to one instance, who asks calls :meth:`told_to`; behind a model of several the rail does.
    """

    def told_to(self, instance: str) -> Self:
        """The request as an instance is told it.

        Args:
            instance: The operator's name of it.

        Raises:
            RequestError: It cannot be told to it.
        """
        raise NotImplementedError

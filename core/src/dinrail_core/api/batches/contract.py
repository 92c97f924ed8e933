"""What a service of batches does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call

if TYPE_CHECKING:
    from dinrail_core.api.batches.objects import Batch, BatchList, CreateBatch, ListBatchesQuery

__all__ = ["Batches"]


class Batches(ABC):
    """Works through files of requests, each line a request. A batch of somebody else does not exist.

    Methods that name a batch raise:
        NotFound: There is none of this id; ``param`` is ``batch_id``.
    """

    @abstractmethod
    async def create(self, request: CreateBatch, call: Call) -> Answer[Batch]:
        """Begin a batch. What is wrong with its lines is told by the batch, once it has looked at them.

        Raises:
            InvalidRequest: The file is not for batches, or the endpoint cannot be batched.
            NotFound: There is no such file; ``param`` is ``input_file_id``.
            PermissionDenied: The caller may not use the endpoint.
        """

    @abstractmethod
    async def list(self, query: ListBatchesQuery, call: Call) -> Answer[BatchList]:
        """The caller's batches, the newest first."""

    @abstractmethod
    async def get(self, batch_id: str, call: Call) -> Answer[Batch]:
        """One batch as it stands."""

    @abstractmethod
    async def cancel(self, batch_id: str, call: Call) -> Answer[Batch]:
        """Have a batch ended; what its finished lines came to is kept. Asking twice changes nothing.

        Raises:
            Conflict: It has ended already, or its files are being written.
        """

"""What a taker of uploads does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call

if TYPE_CHECKING:
    from dinrail_core.api.uploads.objects import (
        CompleteUpload,
        CreateUpload,
        Upload,
        UploadPart,
    )

__all__ = [
    "Uploads",
]


class Uploads(ABC):
    """Takes files in parts. An upload of somebody else does not exist."""

    @abstractmethod
    async def create(self, request: CreateUpload, call: Call) -> Answer[Upload]:
        """Begin an upload, which can be completed within the next hour.

        Raises:
            InvalidRequest: The file would be over the limit.
        """

    @abstractmethod
    async def add_part(self, upload_id: str, source: AsyncIterator[bytes], call: Call) -> Answer[UploadPart]:
        """Take a part in; parts may come at once and in any order.

        Raises:
            Conflict: The upload is completed, cancelled or expired.
            NotFound: There is no such upload.
            TooLarge: The part, or all of them together, are over the limit; ``param`` is ``data``.
        """

    @abstractmethod
    async def complete(self, upload_id: str, request: CompleteUpload, call: Call) -> Answer[Upload]:
        """Make the file. Parts that are not named are dropped.

        Raises:
            Conflict: The upload is completed, cancelled or expired.
            InvalidRequest: A part is unknown or named twice, or size or hash are not what was announced.
            NotFound: There is no such upload.
        """

    @abstractmethod
    async def cancel(self, upload_id: str, call: Call) -> Answer[Upload]:
        """Give an upload up and drop its parts.

        Raises:
            Conflict: It is completed, cancelled or expired.
            NotFound: There is no such upload.
        """

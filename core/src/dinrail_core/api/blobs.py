"""Where bytes are kept: the contract of blob stores.

A store keeps bytes under ids that services make, and knows nothing else of them: names, owners and types are rows.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

__all__ = ["Blob", "BlobStore", "check_blob_id"]

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{7,99}")


@dataclass(frozen=True, slots=True)
class Blob:
    """What was put.

    Attributes:
        id: Its id.
        size: In bytes.
        sha256: The hash of the bytes, in hexadecimal.
    """

    id: str
    size: int
    sha256: str


class BlobStore(ABC):
    """Keeps bytes. A blob is written once, whole or not at all, and never changes.

    All methods raise:
        Unavailable: The store cannot be reached, or has no room left.
        ValueError: An id is not one of ours (:func:`check_blob_id`); a mistake in a service's code.
    """

    @abstractmethod
    async def put(self, blob_id: str, source: AsyncIterator[bytes]) -> Blob:
        """Take bytes in as they come; when this returns, they are durable.

        Until then nothing can be opened under the id. What the source raises reaches the caller, and nothing is kept.

        Args:
            blob_id: A new id; a store may count on it that it is never used twice.
            source: The bytes, in pieces of any size.
        """

    @abstractmethod
    def open(self, blob_id: str, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes, None]:
        """The bytes from ``start`` up to, not including, ``stop`` (the end where not given), a piece at a time.

        Raises:
            NotFound: From the first step of the iteration: there is no such blob.
        """

    @abstractmethod
    async def delete(self, blob_id: str) -> None:
        """Remove a blob, and what an interrupted :meth:`put` of this id may have left; no error where there is none."""


def check_blob_id(blob_id: str) -> str:
    """The id, if it is one that every store can keep: lower-case letters, digits, ``-`` and ``_``.

    Raises:
        ValueError: It is not; names that users give never become ids.
    """
    if not _ID.fullmatch(blob_id):
        raise ValueError("This is no id of a blob.")
    return blob_id

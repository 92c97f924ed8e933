"""What a keeper of files does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call

if TYPE_CHECKING:
    from dinrail_core.api.files.objects import (
        DeletedFile,
        FileList,
        ListFilesQuery,
        NewFile,
        OpenAIFile,
    )

__all__ = [
    "Describe",
    "FileContent",
    "Files",
]


Describe = Callable[[], Awaitable["NewFile"]]
"""Asked once a file's bytes have ended: in a form, what a file is for may stand behind its bytes."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file with access to its bytes.

    Attributes:
        file: The file.
        media_type: The type that its content, and only then its name, speaks for.
        sha256: The hash of its bytes, in hexadecimal.
        read: ``read(start, stop)``: the bytes from ``start`` up to, not including, ``stop``, a piece at a time.
    """

    file: OpenAIFile
    media_type: str
    sha256: str
    read: Callable[[int, int], AsyncGenerator[bytes, None]]


class Files(ABC):
    """Keeps files. One of somebody else does not exist; nor does one whose time is over."""

    @abstractmethod
    async def store(self, source: AsyncIterator[bytes], describe: Describe, call: Call) -> Answer[OpenAIFile]:
        """Take a file in as its bytes come. It exists, durably, when this returns, and not before.

        Args:
            source: The bytes, in pieces of any size.
            describe: What the file is to be; awaited when the source has ended.
            call: Whose file it becomes.

        Raises:
            InvalidRequest: From ``describe``.
            TooLarge: The file is over the limit; ``param`` is ``file``.
        """

    async def create(self, new: NewFile, source: AsyncIterator[bytes], call: Call) -> Answer[OpenAIFile]:
        """Like :meth:`store`, where it is known before what the file is to be."""

        async def describe() -> NewFile:
            return new

        return await self.store(source, describe, call)

    @abstractmethod
    async def list(self, query: ListFilesQuery, call: Call) -> Answer[FileList]:
        """The caller's files."""

    @abstractmethod
    async def get(self, file_id: str, call: Call) -> Answer[OpenAIFile]:
        """One file.

        Raises:
            NotFound: There is none of this id.
        """

    @abstractmethod
    async def content(self, file_id: str, call: Call) -> FileContent:
        """One file with access to its bytes.

        Raises:
            NotFound: There is none of this id.
        """

    @abstractmethod
    async def delete(self, file_id: str, call: Call) -> Answer[DeletedFile]:
        """Remove a file and its bytes.

        Raises:
            NotFound: There is none of this id.
        """

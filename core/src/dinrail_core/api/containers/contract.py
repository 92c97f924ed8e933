"""What runs code in containers, and keeps those."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.files import FileContent

if TYPE_CHECKING:
    from dinrail_core.api.containers.objects import (
        Container,
        ContainerFile,
        ContainerFileList,
        ContainerList,
        CreateContainer,
        CreateContainerFile,
        DeletedContainer,
        DeletedContainerFile,
        ListContainerFilesQuery,
        ListContainersQuery,
    )
    from dinrail_core.api.items.code import CodeImage, CodeLogs
    from dinrail_core.api.items.containers import AutoCodeContainer

__all__ = [
    "CodeInterpreter",
    "CodeRun",
    "Containers",
]


class Containers(ABC):
    """Keeps containers and their files. One of somebody else does not exist; nor does one whose time is over."""

    @abstractmethod
    async def create(self, request: CreateContainer, call: Call) -> Answer[Container]:
        """Make a container.

        Raises:
            InvalidRequest: A limit is one that cannot be had here.
            NotFound: One of the files does not exist; ``param`` names it.
        """

    @abstractmethod
    async def list(self, query: ListContainersQuery, call: Call) -> Answer[ContainerList]:
        """The caller's containers."""

    @abstractmethod
    async def get(self, container_id: str, call: Call) -> Answer[Container]:
        """One container.

        Raises:
            NotFound: There is none of this id.
        """

    @abstractmethod
    async def delete(self, container_id: str, call: Call) -> Answer[DeletedContainer]:
        """Remove a container with its files.

        Raises:
            NotFound: There is none of this id.
        """

    @abstractmethod
    async def copy_file(self, container_id: str, request: CreateContainerFile, call: Call) -> Answer[ContainerFile]:
        """Copy a file of the caller's into a container.

        Raises:
            NotFound: There is no such container, or no such file.
            TooLarge: The container has no room for it.
        """

    @abstractmethod
    async def upload_file(
        self, container_id: str, name: str, source: AsyncIterator[bytes], call: Call
    ) -> Answer[ContainerFile]:
        """Take a file into a container as its bytes come.

        Raises:
            InvalidRequest: It cannot be called ``name``.
            NotFound: There is no such container.
            TooLarge: The container has no room for it.
        """

    @abstractmethod
    async def files(self, container_id: str, query: ListContainerFilesQuery, call: Call) -> Answer[ContainerFileList]:
        """The files of a container.

        Raises:
            NotFound: There is no such container.
        """

    @abstractmethod
    async def file(self, container_id: str, file_id: str, call: Call) -> Answer[ContainerFile]:
        """One file.

        Raises:
            NotFound: There is no such container, or no such file in it.
        """

    @abstractmethod
    async def content(self, container_id: str, file_id: str, call: Call) -> tuple[ContainerFile, FileContent]:
        """One file with access to its bytes.

        Raises:
            NotFound: There is no such container, or no such file in it.
        """

    @abstractmethod
    async def delete_file(self, container_id: str, file_id: str, call: Call) -> Answer[DeletedContainerFile]:
        """Remove a file.

        Raises:
            NotFound: There is no such container, or no such file in it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRun:
    """What came of code.

    Attributes:
        outputs: What it printed and which images it made, as items tell them.
        files: Files that it made or changed.
        ended: Whether it ran to its end, with or without an error of its own; otherwise a limit stopped it.
    """

    outputs: tuple[CodeLogs | CodeImage, ...]
    files: tuple[ContainerFile, ...]
    ended: bool


class CodeInterpreter(ABC):
    """Runs Python that a model wrote, in containers."""

    @abstractmethod
    async def container(self, wanted: str | AutoCodeContainer, call: Call) -> str:
        """The id of the container that a request's tool names, or of a new one where it is to be made.

        Raises:
            InvalidRequest: A limit is one that cannot be had here; ``param`` is a field of the tool.
            NotFound: There is no such container, or no such file.
        """

    @abstractmethod
    async def run(self, container_id: str, code: str, call: Call) -> CodeRun:
        """Run code in a container, one at a time in each.

        An error of the code is part of its output.

        Raises:
            NotFound: There is no such container any more.
            Unavailable: Code cannot be run at present.
        """

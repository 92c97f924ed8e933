"""Containers, in which code that a model wrote runs (``/v1/containers``): wire types and contracts."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.files import FileContent
from dinrail_core.api.items.code import CodeImage, CodeLogs
from dinrail_core.api.items.containers import AutoCodeContainer, FileIds, MemoryLimit, NetworkPolicy, Skill
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "CodeInterpreter",
    "CodeRun",
    "Container",
    "ContainerExpiry",
    "ContainerFile",
    "ContainerFileForm",
    "ContainerFileList",
    "ContainerList",
    "ContainerNetwork",
    "Containers",
    "CreateContainer",
    "CreateContainerFile",
    "DeletedContainer",
    "DeletedContainerFile",
    "ListContainerFilesQuery",
    "ListContainersQuery",
]


class ContainerExpiry(Wire):
    """When a container ends by itself."""

    anchor: Literal["last_active_at"]
    """From when on it counts."""
    minutes: Annotated[int, Field(ge=1, le=43_200)]


class ContainerNetwork(Wire):
    """What code in a container reaches."""

    type: Annotated[str, OpenEnum("allowlist", "disabled")]
    allowed_domains: list[str] | MISSING = MISSING


class Container(Wire):
    """A place in which code runs, with its files."""

    id: str
    object: Literal["container"] = "container"
    name: str
    created_at: int
    """Seconds since the epoch."""
    status: Annotated[str, OpenEnum("running", "active", "expired", "deleted")]
    last_active_at: int
    """Seconds since the epoch; looking at it is no activity."""
    expires_after: ContainerExpiry
    memory_limit: Annotated[str, OpenEnum("1g", "4g", "16g", "64g")]
    network_policy: ContainerNetwork


class CreateContainer(Wire):
    """A container to be made."""

    name: Annotated[str, Field(max_length=512)]
    file_ids: FileIds | MISSING = MISSING
    """Files of the caller's that are copied into it."""
    expires_after: ContainerExpiry | MISSING = MISSING
    memory_limit: MemoryLimit | None | MISSING = MISSING
    network_policy: NetworkPolicy | MISSING = MISSING
    skills: Many[Skill] | MISSING = MISSING


class ContainerFile(Wire):
    """A file in a container."""

    id: str
    object: Literal["container.file"] = "container.file"
    container_id: str
    created_at: int
    """Seconds since the epoch."""
    bytes: int
    path: str
    """Where code finds it, absolute."""
    source: Annotated[str, OpenEnum("user", "assistant")]
    """Who made it; ``assistant`` stands for code that ran."""


class CreateContainerFile(Wire):
    """A file of the caller's that is copied into a container."""

    file_id: str


class ContainerFileForm(Wire):
    """A file that is uploaded into a container."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"})]


class ListContainersQuery(Wire):
    """Which part of the list is wanted."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many at most."""
    order: Literal["asc", "desc"] = "desc"
    """``desc`` has the newest first."""
    after: str | MISSING = MISSING
    """The id behind which the page begins."""
    name: str | MISSING = MISSING
    """Only those of this name."""


class ListContainerFilesQuery(Wire):
    """Which part of the list is wanted."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many at most."""
    order: Literal["asc", "desc"] = "desc"
    """``desc`` has the newest first."""
    after: str | MISSING = MISSING
    """The id behind which the page begins."""


class ContainerList(Wire):
    """Containers."""

    object: Literal["list"] = "list"
    data: list[Container]
    first_id: str
    """Empty where there is none."""
    last_id: str
    has_more: bool


class ContainerFileList(Wire):
    """Files of a container."""

    object: Literal["list"] = "list"
    data: list[ContainerFile]
    first_id: str
    """Empty where there is none."""
    last_id: str
    has_more: bool


class DeletedContainer(Wire):
    """A container that is no more."""

    id: str
    object: Literal["container.deleted"] = "container.deleted"
    deleted: Literal[True] = True


class DeletedContainerFile(Wire):
    """A file of a container that is no more."""

    id: str
    object: Literal["container.file.deleted"] = "container.file.deleted"
    deleted: Literal[True] = True


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

"""Containers, in which code that a model wrote runs (``/v1/containers``): wire types and contracts."""

from typing import Annotated, Literal

from pydantic import Field

from dinrail_core.api.files.objects import UploadedBytes
from dinrail_core.api.items.containers import FileIds, MemoryLimit, NetworkPolicy, Skill
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Many, PlainText, Wire

__all__ = [
    "Container",
    "ContainerExpiry",
    "ContainerFile",
    "ContainerFileForm",
    "ContainerFileList",
    "ContainerList",
    "ContainerNetwork",
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

    name: Annotated[PlainText, Field(max_length=512)]
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
    """A file for a container (``multipart/form-data``): one that comes along, or one of the caller's by its id."""

    file: UploadedBytes | MISSING = MISSING
    file_id: str | MISSING = MISSING


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

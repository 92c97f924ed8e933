"""Containers, in which code that a model wrote runs (``/v1/containers``): wire types and contracts."""

from typing import TYPE_CHECKING

from dinrail_core.api.containers.contract import CodeInterpreter, CodeRun, Containers
from dinrail_core.api.lazily import lazily

if TYPE_CHECKING:
    from dinrail_core.api.containers.objects import (
        Container,
        ContainerExpiry,
        ContainerFile,
        ContainerFileForm,
        ContainerFileList,
        ContainerList,
        ContainerNetwork,
        CreateContainer,
        CreateContainerFile,
        DeletedContainer,
        DeletedContainerFile,
        ListContainerFilesQuery,
        ListContainersQuery,
    )

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

__getattr__ = lazily("dinrail_core.api.containers.objects")

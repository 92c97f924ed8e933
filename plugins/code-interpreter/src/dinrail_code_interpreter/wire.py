"""From rows to what is on the wire, and back."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from dinrail_core.api.containers import Container, ContainerExpiry, ContainerFile, ContainerNetwork, CreateContainer
from dinrail_core.api.items.containers import AllowedNetwork, AutoCodeContainer
from dinrail_core.errors import InvalidRequest, UnsupportedFeature

__all__ = ["MEMORY", "container_of", "container_row", "file_of", "file_row", "memory_of", "page_fields"]

MEMORY: Mapping[str, int] = {"1g": 2**30, "4g": 4 * 2**30, "16g": 16 * 2**30, "64g": 64 * 2**30}
"""Bytes by what requests call them."""


def memory_of(wanted: CreateContainer | AutoCodeContainer, most: str) -> str:
    """How much memory a container is to have.

    Raises:
        InvalidRequest: More than there is, a network, or skills.
    """
    if isinstance(wanted.network_policy, AllowedNetwork):
        raise UnsupportedFeature("Containers have no network here.", param="network_policy")
    if isinstance(wanted, CreateContainer) and isinstance(wanted.skills, list) and wanted.skills:
        raise UnsupportedFeature("Containers have no skills here.", param="skills")
    memory = wanted.memory_limit if isinstance(wanted.memory_limit, str) else "1g"
    if MEMORY[memory] > MEMORY[most]:
        raise InvalidRequest(f"A container can have {most} of memory here at most.", param="memory_limit")
    return memory


def container_row(container_id: str, name: str, memory: str, minutes: int) -> dict[str, Any]:
    """A new container."""
    now = int(time.time())
    return {
        "id": container_id,
        "name": name,
        "memory": memory,
        "minutes": minutes,
        "created_at": now,
        "active_at": now,
        "expires_at": now + 60 * minutes,
    }


def container_of(row: Any) -> Container:
    """A container as it is told."""
    return Container(
        id=row["id"],
        name=row["name"],
        created_at=row["created_at"],
        status="running",
        last_active_at=row["active_at"],
        expires_after=ContainerExpiry(anchor="last_active_at", minutes=row["minutes"]),
        memory_limit=row["memory"],
        network_policy=ContainerNetwork(type="disabled"),
    )


def file_row(file_id: str, container_id: str, path: str, size: int, stamp: str, source: str) -> dict[str, Any]:
    """A new file of a container."""
    return {
        "id": file_id,
        "container_id": container_id,
        "path": path,
        "bytes": size,
        "stamp": stamp,
        "source": source,
        "created_at": int(time.time()),
    }


def file_of(row: Any) -> ContainerFile:
    """A file as it is told, with the path that code knows it by."""
    return ContainerFile(
        id=row["id"],
        container_id=row["container_id"],
        created_at=row["created_at"],
        bytes=row["bytes"],
        path=f"/mnt/data/{row['path']}",
        source=row["source"],
    )


def page_fields(data: Sequence[Any], has_more: bool) -> dict[str, Any]:  # it stands as the row set says
    """The fields of a list."""
    return {
        "data": list(data),
        "first_id": data[0].id if data else "",
        "last_id": data[-1].id if data else "",
        "has_more": has_more,
    }

"""Containers: rows in the database, a folder each, and code that runs in them."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import mimetypes
import os
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import RowMapping

from dinrail_code_interpreter import folders
from dinrail_code_interpreter.expiry import living, remove_over
from dinrail_code_interpreter.plugin import CodeInterpreterConfig
from dinrail_code_interpreter.sandbox import Limits, Ran, Sandbox
from dinrail_code_interpreter.tables import CONTAINERS, FILES
from dinrail_code_interpreter.wire import (
    MEMORY,
    container_of,
    container_row,
    file_of,
    file_row,
    memory_of,
    page_fields,
)
from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.containers import (
    CodeInterpreter,
    CodeRun,
    Container,
    ContainerExpiry,
    ContainerFile,
    ContainerFileList,
    ContainerList,
    Containers,
    CreateContainer,
    CreateContainerFile,
    DeletedContainer,
    DeletedContainerFile,
    ListContainerFilesQuery,
    ListContainersQuery,
)
from dinrail_core.api.files import FileContent, Files, OpenAIFile
from dinrail_core.api.items.code import CodeImage, CodeLogs
from dinrail_core.api.items.containers import AutoCodeContainer
from dinrail_core.errors import ConfigurationError, NotFound, TooLarge, Unavailable
from dinrail_core.hooks.context import Rail
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.quota import check_room
from dinrail_sdk.sql.units import Owned, Page

__all__ = ["ContainerService"]

_logger = logging.getLogger(__name__)
_CLEARED_EVERY = 15.0
_PIECE = 256 * 1024


class ContainerService(Containers, CodeInterpreter):
    """Keeps containers, and runs code in them.

    Args:
        database: Where their rows are.
        rail: Where files of callers are found.
        config: Limits.
        folder: Where their folders are.
    """

    def __init__(self, database: Database, rail: Rail, config: CodeInterpreterConfig, folder: Path) -> None:
        self._database = database
        self._rail = rail
        self._config = config
        self._folder = folder
        self._sandbox = Sandbox(config.python or Path(sys.executable))
        self._room = asyncio.Semaphore(config.max_running)

    @asynccontextmanager
    async def running(self, *, clearing: bool) -> AsyncIterator[None]:
        """See that code can be run, and remove folders of containers that are gone, while this is entered.

        Raises:
            ConfigurationError: Code cannot be kept from everything else here.
        """
        trial = self._folder / f"trial-{os.getpid()}"
        await asyncio.to_thread(trial.mkdir, exist_ok=True)
        try:
            await self._sandbox.check(trial)
        except Unavailable as error:
            raise ConfigurationError(error.message, key="services.code-interpreter") from error
        finally:
            await asyncio.to_thread(folders.remove_folder, trial)
        task = asyncio.ensure_future(self._clear_away()) if clearing else None
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    # Containers.

    async def create(self, request: CreateContainer, call: Call) -> Answer[Container]:
        memory = memory_of(request, self._config.max_memory)
        minutes = self._config.expires_after_minutes
        if isinstance(request.expires_after, ContainerExpiry):
            minutes = request.expires_after.minutes
        file_ids = request.file_ids if isinstance(request.file_ids, list) else []
        return Answer.of(container_of(await self._made(request.name, memory, minutes, file_ids, call)))

    async def list(self, query: ListContainersQuery, call: Call) -> Answer[ContainerList]:
        where = [CONTAINERS.c.expires_at > int(time.time())]
        if isinstance(query.name, str):
            where.append(CONTAINERS.c.name == query.name)
        after = query.after if isinstance(query.after, str) else None

        def work(unit: Owned) -> ContainerList:
            found = unit.page(CONTAINERS, Page(query.limit, query.order, after), *where)
            return ContainerList(**page_fields([container_of(row) for row in found.rows], has_more=found.has_more))

        return Answer.of(await self._database.read(call.principal, work))

    async def get(self, container_id: str, call: Call) -> Answer[Container]:
        return Answer.of(container_of(await self._row(container_id, call)))

    async def delete(self, container_id: str, call: Call) -> Answer[DeletedContainer]:
        def work(unit: Owned) -> None:
            _existing(unit, container_id, lock=True)
            unit.delete(FILES, FILES.c.container_id == container_id)
            unit.delete(CONTAINERS, CONTAINERS.c.id == container_id)

        await self._database.write(call.principal, work)
        await asyncio.to_thread(folders.remove_folder, self._folder / container_id)
        return Answer.of(DeletedContainer(id=container_id))

    # Their files.

    async def copy_file(self, container_id: str, request: CreateContainerFile, call: Call) -> Answer[ContainerFile]:
        await self._row(container_id, call)
        found = await self._content_of(request.file_id, "file_id", call)
        source = found.read(0, found.file.bytes)
        return Answer.of(await self._take(container_id, found.file.filename, source, call))

    async def upload_file(
        self, container_id: str, name: str, source: AsyncIterator[bytes], call: Call
    ) -> Answer[ContainerFile]:
        await self._row(container_id, call)
        return Answer.of(await self._take(container_id, name, source, call))

    async def files(self, container_id: str, query: ListContainerFilesQuery, call: Call) -> Answer[ContainerFileList]:
        after = query.after if isinstance(query.after, str) else None

        def work(unit: Owned) -> ContainerFileList:
            _existing(unit, container_id)
            page = Page(query.limit, query.order, after)
            found = unit.page(FILES, page, FILES.c.container_id == container_id)
            return ContainerFileList(**page_fields([file_of(row) for row in found.rows], has_more=found.has_more))

        return Answer.of(await self._database.read(call.principal, work))

    async def file(self, container_id: str, file_id: str, call: Call) -> Answer[ContainerFile]:
        return Answer.of(file_of(await self._file_row(container_id, file_id, call)))

    async def content(self, container_id: str, file_id: str, call: Call) -> tuple[ContainerFile, FileContent]:
        row = await self._file_row(container_id, file_id, call)
        opened = await asyncio.to_thread(folders.open_file, self._folder / container_id, row["path"])
        try:
            size = os.fstat(opened).st_size
        finally:
            os.close(opened)
        name = row["path"].rpartition("/")[2]
        file = OpenAIFile(
            id=row["id"],
            bytes=size,
            created_at=row["created_at"],
            filename=name,
            purpose="container",
            status="processed",
        )
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        read = partial(self._read, self._folder / container_id, row["path"])
        return file_of(row), FileContent(file, media_type, row["stamp"], read)

    async def delete_file(self, container_id: str, file_id: str, call: Call) -> Answer[DeletedContainerFile]:
        row = await self._file_row(container_id, file_id, call)
        await asyncio.to_thread(folders.remove_file, self._folder / container_id, row["path"])
        await self._database.write(call.principal, lambda unit: unit.delete(FILES, FILES.c.id == file_id))
        return Answer.of(DeletedContainerFile(id=file_id))

    # Code.

    async def container(self, wanted: str | AutoCodeContainer, call: Call) -> str:
        if isinstance(wanted, str):
            await self._row(wanted, call)
            return wanted
        file_ids = wanted.file_ids if isinstance(wanted.file_ids, list) else []
        memory = memory_of(wanted, self._config.max_memory)
        row = await self._made("auto", memory, self._config.expires_after_minutes, file_ids, call)
        return str(row["id"])

    async def run(self, container_id: str, code: str, call: Call) -> CodeRun:
        row = await self._row(container_id, call)
        remaining = call.remaining()
        seconds = self._config.timeout if remaining is None else max(0.1, min(remaining, self._config.timeout))
        limits = Limits(seconds, MEMORY[row["memory"]], self._config.max_container_bytes, self._config.max_processes)
        async with self._room, self._alone(container_id):
            folder = await self._folder_of(container_id)
            ran = await self._sandbox.run(folder, code, limits)
            changed = await self._taken_down(container_id, "assistant", call)
        return CodeRun(outputs=_outputs(ran), files=changed, ended=ran.ended)

    # The rest.

    async def _made(
        self, name: str, memory: str, minutes: int, file_ids: Sequence[str], call: Call
    ) -> Mapping[str, Any]:
        contents = [await self._content_of(one, f"file_ids.{number}", call) for number, one in enumerate(file_ids)]
        row = container_row(new_id("cntr_"), name, memory, minutes)
        await self._database.write(call.principal, lambda unit: unit.insert(CONTAINERS, row))
        try:
            for found in contents:
                await self._take(row["id"], found.file.filename, found.read(0, found.file.bytes), call)
        except BaseException:
            await asyncio.shield(self.delete(row["id"], call))
            raise
        return row

    async def _content_of(self, file_id: str, param: str, call: Call) -> FileContent:
        files = await self._rail.service(Files)
        try:
            return await files.content(file_id, call)
        except NotFound as error:
            error.param = param
            raise

    async def _take(self, container_id: str, name: str, source: AsyncIterator[bytes], call: Call) -> ContainerFile:
        """Take bytes in as a file."""
        folder = await self._folder_of(container_id)
        opened, called = await asyncio.to_thread(folders.create, folder, folders.clean_name(name))
        try:
            left = self._config.max_container_bytes - sum(
                size for size, _ in (await asyncio.to_thread(folders.listed, folder)).values()
            )
            async for piece in source:
                left -= len(piece)
                if left < 0:
                    raise TooLarge(f"A container has room for {self._config.max_container_bytes} bytes.", param="file")
                await asyncio.to_thread(os.write, opened, piece)
            taken = await self._taken_down(container_id, "user", call)
        except BaseException:
            await asyncio.to_thread(folders.remove_file, folder, called)
            raise
        finally:
            os.close(opened)
        return next(file for file in taken if file.path.endswith(f"/{called}"))

    async def _taken_down(self, container_id: str, source: str, call: Call) -> tuple[ContainerFile, ...]:
        """Bring the rows of files in line with the folder; those that are new or have changed."""
        there = await asyncio.to_thread(folders.listed, self._folder / container_id)

        def work(unit: Owned) -> tuple[ContainerFile, ...]:
            container = _existing(unit, container_id, lock=True)
            known = {row["path"]: row for row in unit.select(FILES, FILES.c.container_id == container_id)}
            for path in known.keys() - there.keys():
                unit.delete(FILES, FILES.c.id == known[path]["id"])
            changed = []
            for path, (size, stamp) in there.items():
                old = known.get(path)
                if old is not None and old["stamp"] == stamp:
                    continue
                file_id = old["id"] if old is not None else new_id("cfile_")
                row = file_row(file_id, container_id, path, size, stamp, source)
                if old is None:
                    check_room(unit, call, size)
                    unit.insert(FILES, row, under=container)
                else:
                    unit.update(FILES, {"bytes": size, "stamp": stamp}, FILES.c.id == file_id)
                changed.append(file_of(row))
            now = int(time.time())
            used = {"active_at": now, "expires_at": now + 60 * container["minutes"]}
            unit.update(CONTAINERS, used, CONTAINERS.c.id == container_id)
            return tuple(changed)

        return await self._database.write(call.principal, work)

    async def _folder_of(self, container_id: str) -> Path:
        folder = self._folder / container_id
        await asyncio.to_thread(folder.mkdir, exist_ok=True, mode=0o700)
        return folder

    @asynccontextmanager
    async def _alone(self, container_id: str) -> AsyncIterator[None]:
        """Code of a container runs one at a time, also where several processes serve."""
        file = await asyncio.to_thread(os.open, self._folder / f"{container_id}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.05)
            yield
        finally:
            os.close(file)

    async def _row(self, container_id: str, call: Call) -> RowMapping:
        return await self._database.read(call.principal, lambda unit: _existing(unit, container_id))

    async def _file_row(self, container_id: str, file_id: str, call: Call) -> RowMapping:
        def work(unit: Owned) -> RowMapping:
            _existing(unit, container_id)
            row = unit.first(FILES, FILES.c.id == file_id, FILES.c.container_id == container_id)
            if row is None:
                raise NotFound(f"There is no file '{file_id}' in the container.", param="file_id")
            return row

        return await self._database.read(call.principal, work)

    async def _read(self, folder: Path, path: str, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        opened = await asyncio.to_thread(folders.open_file, folder, path)
        try:
            while start < stop:
                piece = await asyncio.to_thread(os.pread, opened, min(_PIECE, stop - start), start)
                if not piece:
                    return
                start += len(piece)
                yield piece
        finally:
            os.close(opened)

    async def sweep(self) -> None:
        """Remove containers whose time is over, all but their folders."""
        await self._database.sweep(remove_over)

    async def _clear_away(self) -> None:
        while True:
            try:
                await self.remove_folders()
            except (Unavailable, OSError) as error:
                _logger.warning("Folders of containers that are gone could not be removed: %s", error)
            await asyncio.sleep(_CLEARED_EVERY)

    async def remove_folders(self) -> None:
        """Remove the folders on this machine that belong to no container."""
        there = await asyncio.to_thread(lambda: [path.name for path in self._folder.glob("cntr_*")])
        if not there:
            return
        # A container's row is there before its folder is, so nothing that is being made is removed.
        containers = await self._database.sweep(living)
        for name in there:
            if name.removesuffix(".lock") not in containers:
                await asyncio.to_thread(_remove, self._folder / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        folders.remove_folder(path)
    else:
        with suppress(OSError):
            path.unlink()


def _existing(unit: Owned, container_id: str, *, lock: bool = False) -> RowMapping:
    row = unit.get(CONTAINERS, container_id, lock=lock)
    if row is None or row["expires_at"] <= int(time.time()):
        raise NotFound(f"There is no container '{container_id}'.", param="container_id")
    return row


def _outputs(ran: Ran) -> tuple[CodeLogs | CodeImage, ...]:
    logs = (CodeLogs(logs=ran.logs),) if ran.logs else ()
    return (*logs, *(CodeImage(url=url) for url in ran.pictures))

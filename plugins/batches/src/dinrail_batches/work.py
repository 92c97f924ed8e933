"""The job of a batch: look at the file, ask its lines a chunk at a time, write the files."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

import orjson
from sqlalchemy import RowMapping

from dinrail_batches.asking import Asking
from dinrail_batches.checking import Checker, Chunk, split
from dinrail_batches.ledger import Ledger
from dinrail_batches.results import expired, tokens_in
from dinrail_batches.rows import ENDED
from dinrail_batches.tables import TOKENS
from dinrail_core.api.call import Call
from dinrail_core.api.files import ExpiresAfter, FileContent, Files, NewFile
from dinrail_core.api.jobs import JobFailed, JobRun, Json
from dinrail_core.api.webhooks.contract import Webhooks
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import NotFound, RateLimited
from dinrail_core.hooks import Rail
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_core.api.webhooks.objects import WebhookEventType

__all__ = ["End", "Work"]

End = Literal["completed", "expired", "cancelled", "failed"]

_OPEN = ("validating", "in_progress", "finalizing", "cancelling")
_READ = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Work:
    """Does the jobs of batches.

    Args:
        database: Where batches are.
        files: Where lines come from, and answers go.
        rail: Where webhooks are, if there are any.
        asking: How lines are asked.
        concurrency: How many of one batch are asked at once.
        max_lines: The most lines of a batch.
        max_bytes: The largest file.
    """

    database: Database
    files: Files
    rail: Rail
    asking: Asking
    concurrency: int
    max_lines: int
    max_bytes: int

    async def run(self, job: JobRun) -> None:
        """Work a batch through, from wherever it is."""
        ledger = Ledger(self.database, job.call.principal, job.payload["id"])
        batch = await ledger.begin(job.payload, job.id)
        if batch["status"] in ENDED or batch["status"] == "cancelling":
            await self.end(job, "cancelled")
            return
        try:
            content = await self.files.content(batch["input_file_id"], job.call)
        except NotFound:
            await self.give_up(job.call, batch["id"], [_error("input_file_not_found", "The input file is gone.")])
            return
        plan = await job.step("validate", lambda key: self._validate(batch, content))
        if plan["errors"]:
            await self.give_up(job.call, batch["id"], plan["errors"])
            return
        await ledger.move(("validating",), "in_progress", total=plan["total"], model=plan["model"])
        chunks = [Chunk(**chunk) for chunk in plan["chunks"]]
        await self.end(job, await self._ask_all(ledger, job, batch, content, chunks))

    async def end(self, job: JobRun, status: End) -> None:
        """Write the files of a batch that takes no more results, and say that it has ended."""
        ledger = Ledger(self.database, job.call.principal, job.payload["id"])
        await ledger.close()
        if status in ("completed", "expired"):
            await ledger.move(("in_progress",), "finalizing")
        batch = await ledger.row()
        if batch is not None and batch["status"] not in ENDED:
            call = replace(job.call, storage_limit=job.payload["storage_limit"])
            output = await job.step("output", lambda key: self._write(ledger, batch, call, failed=False))
            errors = await job.step("errors", lambda key: self._write(ledger, batch, call, failed=True))
            values: dict[str, Any] = {"output_file_id": output["id"], "error_file_id": errors["id"], **output["tokens"]}
            if "errors" in job.payload:
                values["errors"] = job.payload["errors"]
            await ledger.move(_OPEN, "cancelled" if batch["status"] == "cancelling" else status, **values)
        await self._tell(ledger, job.call)
        await ledger.forget()

    async def give_up(self, call: Call, batch_id: str, errors: Sequence[Mapping[str, Any]]) -> None:
        """End a batch that has no files: nothing was asked, or nothing could be written."""
        ledger = Ledger(self.database, call.principal, batch_id)
        await ledger.close()
        await ledger.move(_OPEN, "failed", errors=list(errors))
        await self._tell(ledger, call)
        await ledger.forget()

    # --- looking at the file

    async def _validate(self, batch: RowMapping, content: FileContent) -> Json:
        """What is wrong with the file, or where it is to be cut."""
        size = content.file.bytes
        if size > self.max_bytes:
            message = f"The file has {size} bytes, more than {self.max_bytes}."
            return {"errors": [_error("file_too_large", message)]}
        checker = Checker(batch["endpoint"], self.max_lines)
        async with aclosing(content.read(0, size)) as pieces:
            async for piece in _gathered(pieces):
                await asyncio.to_thread(checker.feed, piece)
                if checker.full:
                    break
            else:
                await asyncio.to_thread(checker.finish)
        return {
            "errors": checker.errors,
            "total": checker.requests,
            "model": checker.models.pop() if len(checker.models) == 1 else None,
            "chunks": [asdict(chunk) for chunk in checker.chunks],
        }

    # --- asking

    async def _ask_all(
        self, ledger: Ledger, job: JobRun, batch: RowMapping, content: FileContent, chunks: list[Chunk]
    ) -> End:
        total, done = sum(chunk.requests for chunk in chunks), 0
        for chunk in chunks:
            row = await ledger.row()
            if row is not None and row["status"] == "cancelling":
                return "cancelled"
            left = await job.step(f"lines-{chunk.first}", _chunk_step(self, ledger, batch, content, chunk, job.call))
            if left:
                await job.step("expire", lambda key: self._expire(ledger, content, chunks))
                return "expired"
            done += chunk.requests
            await job.progress(done, total, "lines")
        return "completed"

    async def ask_chunk(
        self, ledger: Ledger, batch: RowMapping, content: FileContent, chunk: Chunk, call: Call
    ) -> bool:
        """Ask the lines of a chunk that have not come to anything yet; returns whether time ran out."""
        lines = await _unanswered(ledger, content, chunk)
        todo = iter(lines)
        limit = asyncio.timeout(batch["expires_at"] - time.time())
        try:
            async with limit, ledger.taking(), asyncio.TaskGroup() as group:
                for _ in range(min(self.concurrency, len(lines))):
                    group.create_task(self._ask(ledger, batch["endpoint"], todo, call))
        except TimeoutError:
            if limit.expired():
                return True
            raise
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return False

    async def _ask(self, ledger: Ledger, endpoint: str, todo: Iterator[tuple[int, bytes]], call: Call) -> None:
        """One slot: a line is written down before the next is asked, so that a crash repeats one at most."""
        for line, text in todo:
            await ledger.record(await self.asking.ask(endpoint, line, text, call))

    async def _expire(self, ledger: Ledger, content: FileContent, chunks: list[Chunk]) -> None:
        """Write down of every line that is left that its time is over."""
        async with ledger.taking():
            for chunk in chunks:
                lines = await _unanswered(ledger, content, chunk)
                results = [expired(line, orjson.loads(text)["custom_id"]) for line, text in lines]
                await asyncio.gather(*(ledger.record(result) for result in results))

    # --- writing

    async def _write(self, ledger: Ledger, batch: RowMapping, call: Call, *, failed: bool) -> Json:
        """Make one of the two files, and return its id and the tokens that its lines have used.

        The id is ``None`` where there is nothing to write.
        """
        used = dict.fromkeys(TOKENS, 0)
        if not await ledger.any(failed=failed):
            return {"id": None, "tokens": used}

        async def texts() -> AsyncIterator[bytes]:
            async for text in ledger.texts(failed=failed):
                yield text
                if not failed:
                    for name, count in (await asyncio.to_thread(tokens_in, text)).items():
                        used[name] += count

        name = "error" if failed else "output"
        seconds = batch["output_seconds"]
        after = MISSING if seconds is None else ExpiresAfter(anchor="created_at", seconds=seconds)
        new = NewFile(filename=f"{batch['id']}_{name}.jsonl", purpose="batch_output", expires_after=after)
        try:
            made = await self.files.create(new, texts(), replace(call, seed=_seed(batch, name)))
        except RateLimited as error:
            raise JobFailed(error.message, code=error.code) from error  # there is no room, and waiting makes none
        return {"id": made.value.id, "tokens": used}

    async def _tell(self, ledger: Ledger, call: Call) -> None:
        """Tell webhooks how the batch has ended, where there are any."""
        batch = await ledger.row()
        if batch is None or batch["status"] not in ENDED or not self.rail.provides(Webhooks):
            return
        webhooks, status = await self.rail.service(Webhooks), batch["status"]
        event = cast("WebhookEventType", f"batch.{status}")
        await webhooks.emit(event, {"id": batch["id"]}, call, key=batch["id"], at=batch[f"{status}_at"])


def _chunk_step(work: Work, ledger: Ledger, batch: RowMapping, content: FileContent, chunk: Chunk, call: Call) -> Any:
    async def step(key: str) -> Json:
        return await work.ask_chunk(ledger, batch, content, chunk, call)

    return step


async def _unanswered(ledger: Ledger, content: FileContent, chunk: Chunk) -> list[tuple[int, bytes]]:
    """The lines of a chunk that have not come to anything."""
    async with aclosing(content.read(chunk.start, chunk.stop)) as pieces:
        text = b"".join([piece async for piece in pieces])
    lines = list(split(text, chunk.first))
    if not lines:
        return []
    there = await ledger.recorded(lines[0][0], lines[-1][0])
    return [(line, text) for line, text in lines if line not in there]


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces that are worth a thread."""
    held: list[bytes] = []
    size = 0
    async for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _READ:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _seed(batch: RowMapping, name: str) -> str:
    """What a file's id is made of: the same whenever it is written again, and as old as the batch."""
    digest = hashlib.sha256(f"{batch['id']}:{name}".encode()).hexdigest()
    return f"{batch['created_at'] * 1000:012x}{digest[:36]}"


def _error(code: str, message: str) -> dict[str, Any]:
    return {"code": code, "message": message, "param": None, "line": None}

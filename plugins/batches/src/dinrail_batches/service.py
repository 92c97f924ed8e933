"""Batches as their owners see them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping

from dinrail_batches.ledger import sweep
from dinrail_batches.rows import ENDED, batch_of, new_row, payload_of
from dinrail_batches.tables import BATCHES
from dinrail_batches.work import Work
from dinrail_core.api.answers import Answer
from dinrail_core.api.batches import Batch, Batches, BatchList, CreateBatch, ListBatchesQuery
from dinrail_core.api.call import Call
from dinrail_core.api.files import Files
from dinrail_core.api.jobs import Job, Jobs
from dinrail_core.api.operations import Operations
from dinrail_core.api.responses.contract import Responses
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import Conflict, InvalidRequest, NotFound
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.units import Owned, Page

__all__ = ["BATCH", "CLOSING", "BatchService"]

BATCH = "batch"
"""The kind of the job that works a batch through."""

CLOSING = "batch-closing"
"""The kind of the job that writes the files of a batch that was cancelled or could not be gone on with."""


@dataclass(frozen=True, slots=True)
class BatchService(Batches):
    """Keeps batches in the database, and has them worked through in jobs.

    Args:
        database: Where they are.
        files: Where their lines are.
        jobs: What does the work.
        operations: What lines can ask.
        work: How it is done.
    """

    database: Database
    files: Files
    jobs: Jobs
    operations: Operations
    work: Work

    async def create(self, request: CreateBatch, call: Call) -> Answer[Batch]:
        await self._check(request, call)
        batch_id = new_id("batch_", call.seed)
        payload = payload_of(batch_id, request, int(time.time()), call.storage_limit)
        # The job first: from here on the batch will be worked through, and its row made, whatever happens here.
        job_id = await self.jobs.enqueue(BATCH, payload, call, key=batch_id)
        with suppress(Duplicate):  # the job has been faster, or this is another try of the same request
            await self.database.write(call.principal, lambda unit: unit.insert(BATCHES, new_row(payload, job_id)))
        return await self.get(batch_id, call)

    async def list(self, query: ListBatchesQuery, call: Call) -> Answer[BatchList]:
        after = query.after if isinstance(query.after, str) else None

        def work(unit: Owned) -> BatchList:
            found = unit.page(BATCHES, Page(query.limit, after=after))
            data = [batch_of(row) for row in found.rows]
            first_id, last_id = (data[0].id, data[-1].id) if data else (MISSING, MISSING)
            return BatchList(data=data, first_id=first_id, last_id=last_id, has_more=found.has_more)

        return Answer.of(await self.database.read(call.principal, work))

    async def get(self, batch_id: str, call: Call) -> Answer[Batch]:
        return Answer.of(await self.database.read(call.principal, lambda unit: batch_of(_existing(unit, batch_id))))

    async def cancel(self, batch_id: str, call: Call) -> Answer[Batch]:
        def work(unit: Owned) -> RowMapping:
            batch = _existing(unit, batch_id, lock=True)
            if batch["status"] in ("completed", "failed", "expired", "finalizing"):
                raise Conflict(f"The batch cannot be cancelled any more: it is {batch['status']}.", param="batch_id")
            if batch["status"] not in ("cancelling", "cancelled"):
                changes = {"status": "cancelling", "cancelling_at": int(time.time())}
                unit.update(BATCHES, changes, BATCHES.c.id == batch_id)
            return _existing(unit, batch_id)

        batch = await self.database.write(call.principal, work)
        if batch["status"] not in ENDED:
            await self.jobs.cancel(batch["job_id"], None)
        return Answer.of(batch_of(batch))

    async def stopped(self, job: Job) -> None:
        """A batch's job has been cancelled, or has failed for good: its files are still to be written."""
        call = Call(job.principal, job.id)
        payload: dict[str, Any] = {**job.payload, "end": "cancelled" if job.state == "cancelled" else "failed"}
        if job.state != "cancelled":
            payload["errors"] = [_reason(job.error or {})]
        await self.jobs.enqueue(CLOSING, payload, call, key=job.payload["id"])

    async def given_up(self, job: Job) -> None:
        """Not even the files could be written."""
        await self.work.give_up(Call(job.principal, job.id), job.payload["id"], [_reason(job.error or {})])

    async def sweep(self) -> None:
        """Remove what nobody needs any more."""
        await self.database.sweep(sweep)

    async def _check(self, request: CreateBatch, call: Call) -> None:
        try:
            self.operations.check(request.endpoint, call.principal)
        except NotFound as error:
            raise InvalidRequest(error.message, param="endpoint") from None
        if request.endpoint == "/v1/responses":
            await self.work.rail.service(Responses)  # without it, each line would tell that it is not there
        try:
            found = (await self.files.get(request.input_file_id, call)).value
        except NotFound:
            raise NotFound(f"There is no file '{request.input_file_id}'.", param="input_file_id") from None
        if found.purpose != "batch":
            raise InvalidRequest(
                f"The file is for the purpose '{found.purpose}'; one for 'batch' is needed.", param="input_file_id"
            )


def _reason(error: Mapping[str, str]) -> dict[str, Any]:
    return {
        "code": error.get("code", "server_error"),
        "message": error.get("message", "The batch could not be gone on with."),
        "param": None,
        "line": None,
    }


def _existing(unit: Owned, batch_id: str, *, lock: bool = False) -> RowMapping:
    found = unit.get(BATCHES, batch_id, lock=lock)
    if found is None:
        raise NotFound(f"There is no batch '{batch_id}'.", param="batch_id")
    return found

"""Putting the service together."""

from __future__ import annotations

import asyncio

from dinrail_batches.asking import Asking
from dinrail_batches.config import BatchesConfig
from dinrail_batches.service import BatchService
from dinrail_batches.work import Work
from dinrail_core.api.files import Files
from dinrail_core.api.jobs import Jobs
from dinrail_core.api.operations import Operations
from dinrail_core.hooks import Context
from dinrail_sdk.sql.contract import Database

__all__ = ["open_batches"]


async def open_batches(config: BatchesConfig, context: Context) -> BatchService:
    """The service over what else is on the rail."""
    database, files = await context.rail.service(Database), await context.rail.service(Files)
    operations, jobs = await context.rail.service(Operations), await context.rail.service(Jobs)
    asking = Asking(
        operations, asyncio.Semaphore(config.concurrency), config.attempts, config.backoff, config.line_timeout
    )
    work = Work(database, files, context.rail, asking, config.concurrency, config.max_lines, config.max_bytes)
    return BatchService(database, files, jobs, operations, work)

"""What is written down of a job that is being done; each of these is refused to whoever has lost it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from dinrail_core.api.call import LOCAL, Call
from dinrail_core.api.jobs import JobKind
from dinrail_jobs.rows import new_row
from dinrail_jobs.tables import JOBS, STEPS, WORKERS
from dinrail_jobs.turn import database_time, ended
from dinrail_sdk.sql.tables import OWNER, TENANT

__all__ = [
    "end",
    "forget_ended",
    "is_mine",
    "let_go",
    "put_off",
    "record_step",
    "recorded",
    "see_to_periodic",
    "tell_later",
    "told",
]

_BATCH = 500


def is_mine(connection: Connection, job_id: str, claim: str) -> bool:
    """Whether the claim still holds; the row stays locked, so that nobody takes the job until the transaction ends."""
    statement = select(JOBS.c.claim).where(JOBS.c.id == job_id).with_for_update()
    return connection.execute(statement).scalar() == claim


def recorded(connection: Connection, job_id: str, name: str) -> str | None:
    """What a step has returned, or ``None`` where it has not been done."""
    statement = select(STEPS.c.result).where(STEPS.c.job_id == job_id, STEPS.c.name == name)
    found: str | None = connection.execute(statement).scalar()
    return found


def record_step(connection: Connection, job_id: str, claim: str, name: str, result: str) -> bool:
    """Write a step down; ``False`` where the job has been lost. It may be written again with the same result."""
    if not is_mine(connection, job_id, claim):
        return False
    if recorded(connection, job_id, name) is None:
        connection.execute(insert(STEPS).values(job_id=job_id, name=name, result=result))
    connection.execute(update(JOBS).where(JOBS.c.id == job_id, JOBS.c.losses > 0).values(losses=0))
    return True


def end(connection: Connection, job_id: str, claim: str, state: str, kind: JobKind, values: Mapping[str, Any]) -> None:
    """A job has ended; work that is done every now and then is due again.

    Args:
        connection: In a transaction.
        job_id: The job.
        claim: The claim.
        state: How it has ended.
        kind: Its kind.
        values: What else is to be written.
    """
    if not is_mine(connection, job_id, claim):
        return
    now = database_time(connection)
    if kind.every is not None:
        again: dict[str, Any] = {"state": "queued", "due_at": now + kind.every, "worker": None, "claim": None}
        again |= {"failures": 0, "ended_at": now}
        connection.execute(update(JOBS).where(JOBS.c.id == job_id).values({**values, **again}))
    else:
        outcome = {"duty": None} if state == "completed" else {}
        changed = {**values, **ended(state, kind, now), **outcome}
        connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(changed))
    if kind.every is not None or state == "completed":
        connection.execute(delete(STEPS).where(STEPS.c.job_id == job_id))


def put_off(connection: Connection, job_id: str, claim: str, seconds: float, values: Mapping[str, Any]) -> None:
    """A job is to be taken up again later, by anybody; one that is being cancelled must not be put off."""
    if is_mine(connection, job_id, claim):
        due_at = database_time(connection) + seconds
        free = {"state": "queued", "due_at": due_at, "worker": None, "claim": None}
        connection.execute(update(JOBS).where(JOBS.c.id == job_id).values({**values, **free}))


def told(connection: Connection, job_id: str, claim: str) -> None:
    """The service knows of the end."""
    mine = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.claim == claim)
    connection.execute(mine.values(duty=None, worker=None, claim=None, failures=0))


def tell_later(connection: Connection, job_id: str, claim: str, seconds: float) -> None:
    """The service could not be told of the end."""
    due_at = database_time(connection) + seconds
    mine = update(JOBS).where(JOBS.c.id == job_id, JOBS.c.claim == claim)
    connection.execute(mine.values(due_at=due_at, worker=None, claim=None, failures=JOBS.c.failures + 1))


def let_go(connection: Connection, worker: str) -> None:
    """A process ends: what it still has is anybody's at once."""
    now = database_time(connection)
    free = {"worker": None, "claim": None, "due_at": now}
    mine = (JOBS.c.duty.in_(("run", "tell")), JOBS.c.worker == worker)
    connection.execute(update(JOBS).where(*mine, JOBS.c.duty == "run").values(**free, state="queued"))
    connection.execute(update(JOBS).where(*mine).values(**free))
    connection.execute(delete(WORKERS).where(WORKERS.c.id == worker))


def see_to_periodic(connection: Connection, kinds: Iterable[JobKind]) -> None:
    """One row for each kind of work that nobody enqueues, due no later than its interval says."""
    now = database_time(connection)
    for kind in kinds:
        if kind.every is None:
            continue
        job_id = f"job_every_{kind.name}"
        latest = now + kind.every
        if connection.execute(select(JOBS.c.id).where(JOBS.c.id == job_id)).first() is None:
            row = {**new_row(job_id, kind.name, {}, Call(), now), "periodic": True}
            connection.execute(insert(JOBS).values({**row, TENANT: LOCAL.tenant, OWNER: LOCAL.user}))
        else:
            late = (JOBS.c.id == job_id, JOBS.c.worker.is_(None), JOBS.c.due_at > latest)
            connection.execute(update(JOBS).where(*late).values(due_at=latest))


def forget_ended(connection: Connection, before: float) -> int:
    """Remove some jobs that ended before a time, and return how many."""
    over = (JOBS.c.ended_at < before, JOBS.c.worker.is_(None), JOBS.c.periodic.is_(False))
    ids = [row.id for row in connection.execute(select(JOBS.c.id).where(*over).limit(_BATCH))]
    if ids:
        connection.execute(delete(STEPS).where(STEPS.c.job_id.in_(ids)))
        connection.execute(delete(JOBS).where(JOBS.c.id.in_(ids)))
    return len(ids)

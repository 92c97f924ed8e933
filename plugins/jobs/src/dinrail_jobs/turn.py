"""One turn of a process that does jobs: say that it lives, free what dead ones held, take what waits.

All of it is one transaction, in which at most one process is at a time, so no job is taken twice and no tenant has more
at once than it may. It takes a millisecond or two; a process that has nothing to do looks and writes nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, delete, func, insert, or_, select, text, update

from dinrail_core.api.jobs import JobKind
from dinrail_jobs.tables import JOBS, WORKERS
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.tables import TENANT

__all__ = ["MOST_LOSSES", "Taken", "Turn", "database_time", "ended", "lock", "take_turn"]

MOST_LOSSES = 20
"""Processes that may die over a job without a step between them, until it is taken for what kills them."""

_LOCK = 0x64696E6A6F6273
"""The advisory lock's number on PostgreSQL; SQLite has one writer at a time."""

_MOST_TOLD = 8
"""Ends that one turn takes up."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a process wants to do in a turn.

    Attributes:
        worker: Its id.
        name: Its name, for people.
        lease: Seconds after which it is dead unless it says again that it lives.
        kinds: What it can do, by name.
        free: How many more jobs of each kind it would begin; a kind that is not named, none.
        holding: The claims that it holds, and the progress to write down for each where there is some.
    """

    worker: str
    name: str
    lease: float
    kinds: Mapping[str, JobKind]
    free: Mapping[str, int]
    holding: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a turn.

    Attributes:
        held: Claims that were still the process's own, and whether each job is to be cancelled.
        rows: Jobs that it has taken.
        fresh: Claims of those that nobody has begun before.
    """

    held: Mapping[str, bool] = field(default_factory=dict)
    rows: Sequence[RowMapping] = ()
    fresh: AbstractSet[str] = frozenset()


def database_time(connection: Connection) -> float:
    """Seconds since the epoch: the server's, since several machines' clocks differ, or this one's."""
    if connection.dialect.name == "postgresql":
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())
    return time.time()


def lock(connection: Connection) -> None:
    """Have the rest of the transaction to oneself, among those that ask."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def take_turn(connection: Connection, turn: Turn) -> Taken:
    """Take a turn, inside a transaction."""
    if not turn.holding and not _anything(connection, turn):
        return Taken()
    lock(connection)
    now = database_time(connection)
    if turn.holding:
        _say_alive(connection, turn, now)
    _free_what_dead_held(connection, turn.kinds, now)
    held = _held(connection, turn)
    rows = [*_take_ends(connection, turn, now), *_take_jobs(connection, turn, now)]
    if rows and not turn.holding:
        _say_alive(connection, turn, now)
    return Taken(held, rows, {row["claim"] for row in rows if row["duty"] == "run" and row["started_at"] == now})


def _anything(connection: Connection, turn: Turn) -> bool:
    """A look that costs nothing to speak of: whether something waits, or is in a dead process's hands."""
    now = database_time(connection)
    known = JOBS.c.kind.in_(turn.kinds)
    wanted = [name for name, free in turn.free.items() if free > 0]
    alive = select(WORKERS.c.id).where(WORKERS.c.alive_until >= now)
    waiting = and_(
        JOBS.c.worker.is_(None),
        JOBS.c.due_at <= now,
        or_(and_(JOBS.c.duty == "run", JOBS.c.kind.in_(wanted)), and_(JOBS.c.duty == "tell", known)),
    )
    lost = and_(JOBS.c.duty.in_(("run", "tell")), JOBS.c.worker.is_not(None), JOBS.c.worker.not_in(alive))
    for condition in (waiting, lost):
        if connection.execute(select(JOBS.c.id).where(condition).limit(1)).first() is not None:
            return True
    return False


def _say_alive(connection: Connection, turn: Turn, now: float) -> None:
    values = {"name": turn.name, "alive_until": now + turn.lease}
    if connection.execute(update(WORKERS).where(WORKERS.c.id == turn.worker).values(values)).rowcount == 0:
        connection.execute(insert(WORKERS).values(id=turn.worker, **values))


def _free_what_dead_held(connection: Connection, kinds: Mapping[str, JobKind], now: float) -> None:
    alive = select(WORKERS.c.id).where(WORKERS.c.alive_until >= now)
    lost = (JOBS.c.duty.in_(("run", "tell")), JOBS.c.worker.is_not(None), JOBS.c.worker.not_in(alive))
    for row in connection.execute(_unlocked(select(JOBS).where(*lost))).mappings().all():
        values: dict[str, Any] = {"worker": None, "claim": None, "due_at": now}
        if row["duty"] == "run":
            if row["cancelling"]:
                values |= ended("cancelled", kinds.get(row["kind"]), now)
            elif row["losses"] + 1 >= MOST_LOSSES:
                values |= ended("failed", kinds.get(row["kind"]), now)
                message = f"{MOST_LOSSES} processes have ended while they were at it."
                values["error"] = json.dumps({"code": "job_lost", "message": message})
            else:
                values |= {"state": "queued", "losses": row["losses"] + 1}
        connection.execute(update(JOBS).where(JOBS.c.id == row["id"]).values(values))
    connection.execute(delete(WORKERS).where(WORKERS.c.alive_until < now))


def ended(state: str, kind: JobKind | None, now: float) -> dict[str, Any]:
    """The values of a job that has ended; its service is told, unless it does not care."""
    tells = kind is None or kind.ended is not None
    return {
        "state": state,
        "duty": "tell" if tells else None,
        "due_at": now,
        "ended_at": now,
        "worker": None,
        "claim": None,
        "cancelling": False,
        "failures": 0,
        "losses": 0,
    }


def _held(connection: Connection, turn: Turn) -> dict[str, bool]:
    """What is still the process's own; progress is written on the way, and what it does not know of is let go."""
    mine = (JOBS.c.duty.in_(("run", "tell")), JOBS.c.worker == turn.worker)
    held: dict[str, bool] = {}
    columns = (JOBS.c.id, JOBS.c.claim, JOBS.c.cancelling, JOBS.c.duty)
    for job_id, claim, cancelling, duty in connection.execute(select(*columns).where(*mine)).all():
        values: dict[str, Any] = {}
        if claim in turn.holding:
            held[claim] = cancelling
            values = {} if turn.holding[claim] is None else {"progress": turn.holding[claim]}
        else:  # taken in a turn whose outcome this process was never told
            values = {"worker": None, "claim": None, **({"state": "queued"} if duty == "run" else {})}
        if values:
            connection.execute(update(JOBS).where(JOBS.c.id == job_id, JOBS.c.claim == claim).values(values))
    return held


def _unlocked(statement: Select[Any]) -> Select[Any]:
    """The rows that nobody is writing to just now, locked; one that is being ended or cancelled is left for later."""
    return statement.with_for_update(skip_locked=True)


def _take_ends(connection: Connection, turn: Turn, now: float) -> list[RowMapping]:
    waiting = (JOBS.c.duty == "tell", JOBS.c.worker.is_(None), JOBS.c.due_at <= now, JOBS.c.kind.in_(turn.kinds))
    statement = _unlocked(select(JOBS).where(*waiting).order_by(JOBS.c.due_at).limit(_MOST_TOLD))
    rows = connection.execute(statement).mappings().all()
    return [_take(connection, turn, row, {}) for row in rows]


def _take_jobs(connection: Connection, turn: Turn, now: float) -> Iterator[RowMapping]:
    for name, free in turn.free.items():
        for row in _chosen(connection, turn.kinds[name], free, now):
            if row["cancelling"]:  # its process has handed it over before it came to that
                over = ended("cancelled", turn.kinds[name], now)
                connection.execute(update(JOBS).where(JOBS.c.id == row["id"]).values(over))
                continue
            begun = {
                "state": "running",
                "attempt": row["failures"] + 1,
                "started_at": row["started_at"] if row["started_at"] is not None else now,
            }
            yield _take(connection, turn, row, begun)


def _chosen(connection: Connection, kind: JobKind, free: int, now: float) -> Iterator[RowMapping]:
    """The jobs of a kind whose turn it is, no tenant having more than it may."""
    of_kind = (JOBS.c.duty == "run", JOBS.c.kind == kind.name)
    waiting = (*of_kind, JOBS.c.worker.is_(None), JOBS.c.due_at <= now)
    running: dict[str, int] = {}
    if kind.per_tenant is not None and free > 0:
        counted = select(JOBS.c[TENANT], func.count()).where(*of_kind, JOBS.c.worker.is_not(None))
        running = {row[0]: row[1] for row in connection.execute(counted.group_by(JOBS.c[TENANT]))}
    while free > 0:
        full = [tenant for tenant, count in running.items() if count >= (kind.per_tenant or 0)]
        statement = select(JOBS).where(*waiting, JOBS.c[TENANT].not_in(full)).order_by(JOBS.c.due_at, JOBS.c.id)
        statement = statement.limit(free if kind.per_tenant is None else 1)
        rows = connection.execute(_unlocked(statement)).mappings().all()
        for row in rows:
            free -= 1
            if kind.per_tenant is not None:
                running[row[TENANT]] = running.get(row[TENANT], 0) + 1
            yield row
        if not rows or kind.per_tenant is None:
            return


def _take(connection: Connection, turn: Turn, row: RowMapping, values: Mapping[str, Any]) -> RowMapping:
    taken = {**values, "worker": turn.worker, "claim": new_id("")}
    connection.execute(update(JOBS).where(JOBS.c.id == row["id"]).values(taken))
    return connection.execute(select(JOBS).where(JOBS.c.id == row["id"])).mappings().one()

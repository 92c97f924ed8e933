"""The rows of jobs, of their recorded steps, and of the processes that do them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

from dinrail_sdk.sql.tables import owned_table

__all__ = ["JOBS", "NAME_LENGTH", "STEPS", "WORKERS"]

NAME_LENGTH = 200
"""Characters of a step's name."""

_METADATA = MetaData()

JOBS = owned_table(
    "jobs",
    _METADATA,
    Column("kind", String(80), nullable=False),
    Column("key_hash", String(64), unique=True),
    Column("state", String(20), nullable=False),
    Column("duty", String(8)),
    Column("due_at", Float, nullable=False),
    Column("worker", String(48)),
    Column("claim", String(48)),
    Column("payload", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("periodic", Boolean, nullable=False),
    Column("cancelling", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("progress", Text),
    Column("error", Text),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("ended_at", Float),
    Index("ix_jobs_duty", "duty", "worker", "due_at"),
    Index("ix_jobs_state", "state", "kind", "tenant"),
    Index("ix_jobs_ended_at", "ended_at"),
    id_length=120,
)
"""A job. Times are seconds since the epoch, by the database's clock where machines have to agree.

``duty`` is what is still to be done with it: ``run``, ``tell`` (its service of its end), or nothing. A process that is
at it stands in ``worker``, and ``claim`` is a token that no other taking of it has: whoever writes with another token
is late. ``losses`` counts processes that died over it since it last recorded a step.
"""

STEPS = Table(
    "job_steps",
    _METADATA,
    Column("job_id", String(120), primary_key=True),
    Column("name", String(NAME_LENGTH), primary_key=True),
    Column("result", Text, nullable=False),
)
"""What a step has returned, JSON."""

WORKERS = Table(
    "job_workers",
    _METADATA,
    Column("id", String(48), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("alive_until", Float, nullable=False),
)
"""A process that does jobs now. One whose time is over is dead, and what it was at is anybody's."""

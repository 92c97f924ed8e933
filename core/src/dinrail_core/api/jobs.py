"""Work that outlives a request and a process: the contract of the engine that does it.

A service declares its kinds of job beside itself (:attr:`~dinrail_core.hooks.records.ServiceType.jobs`), enqueues jobs
of them, and is handed each one in whichever process takes it up. What a step has recorded is never done again; a job
whose process was killed goes on in another one behind the last recorded step.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from dinrail_core.api.call import Call, Principal
from dinrail_core.errors import DinrailError

__all__ = ["Job", "JobFailed", "JobKind", "JobProgress", "JobRun", "JobState", "Jobs", "Json"]

Json: TypeAlias = Any
"""What JSON can say: ``None``, booleans, numbers, text, lists and objects of such."""

JobState: TypeAlias = Literal["queued", "running", "completed", "failed", "cancelled"]
"""``queued`` also while a failed attempt waits for the next one."""


class JobFailed(DinrailError):
    """Raised by a job whose failure is final, so that it is not tried again; its code and message are kept."""

    code = "job_failed"


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job has come.

    Attributes:
        done: Units that are done.
        total: Units of the whole, or ``None`` while unknown.
        note: What is being done, a few words without content of requests.
    """

    done: int
    total: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as it stands.

    Attributes:
        id: Its id.
        kind: The name of its kind.
        principal: On whose behalf it is done.
        state: Where it is in its life.
        payload: What it was enqueued with.
        created_at: Seconds since the epoch.
        due_at: When it is taken up, at the earliest, while it waits.
        started_at: When it was first taken up.
        ended_at: When it ended; of work that nobody enqueues, when it last did.
        attempt: Which attempt this is, from 1; 0 before the first. Being taken over from a dead process is none.
        progress: How far it has come.
        error: ``{"code", "message"}`` of the last attempt that failed.
        worker: The process that has it now, as ``dinrail jobs`` shows it.
        cancelling: Somebody has asked for it to be cancelled.
    """

    id: str
    kind: str
    principal: Principal
    state: JobState
    payload: Mapping[str, Json]
    created_at: float
    due_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    attempt: int = 0
    progress: JobProgress | None = None
    error: Mapping[str, str] | None = None
    worker: str | None = None
    cancelling: bool = False


class JobRun(ABC):
    """One job while it is done; what a kind's function is handed.

    Attributes:
        id: The job's id.
        payload: What it was enqueued with.
        call: On whose behalf, with the request id, trace and credential's id of the call that enqueued it. It has no
            deadline and no key for an upstream: secrets are never kept.
        attempt: From 1.
    """

    id: str
    payload: Mapping[str, Json]
    call: Call
    attempt: int

    @abstractmethod
    async def step(self, name: str, work: Callable[[str], Awaitable[Json]]) -> Json:
        """Do a step, unless it has been done: then what it returned is returned again.

        Steps are told apart by their names, so a name occurs once in a job. A crash between what the step has done and
        its record does it again, with the same key: effects outside carry it, so that the second time changes nothing.

        Args:
            name: Its name, like ``lines-0-99``; 200 characters at most.
            work: ``work(key)`` does it; ``key`` is the step's idempotency key, the same at every try and in no other
                step. What it returns is kept, and is JSON.

        Raises:
            Exception: What the work raises; nothing is recorded then.
            CancelledError: The job is cancelled, handed over, or has been taken over by another process, which may be
                found out here: a process that stood still for too long writes nothing more.
        """

    @abstractmethod
    async def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Say how far it has come; cheap, since it is written down once a second at most."""

    @property
    @abstractmethod
    def cancelled(self) -> bool:
        """Whether the job is to be cancelled.

        Who catches ``CancelledError`` learns here whether it was cancelled; else the process stops, and the job goes on
        elsewhere.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A kind of work that a service does in jobs.

    Attributes:
        name: Its name, one for the whole server, like ``batch``.
        run: ``run(service, job)`` does it; ``service`` is what the declaring record's ``open`` has yielded. It returns
            when the job is completed, raises :class:`JobFailed` when that can never be, and anything else for another
            attempt. It may begin anew in another process at any moment: what must not happen twice is a step.
        ended: ``ended(service, job)``: called, at least once, when a job has been cancelled or its last attempt has
            failed, so that no object is left in between for ever. ``job.state`` says which, ``job.error`` why.
        concurrency: Jobs of this kind that one process does at once.
        per_tenant: Jobs of this kind that are done at once for one tenant, over all processes; ``None`` for no limit.
        attempts: How often it is tried.
        backoff: Seconds before the second attempt; each further wait is twice as long, up to five minutes.
        every: Seconds between two runs of work that nobody enqueues, like a sweep: one process does it at a time, with
            the payload ``{}`` and :data:`~dinrail_core.api.call.LOCAL` as principal. ``None`` for what is enqueued.
        wanted: ``wanted(rail)``, for work with ``every``: whether there is anything to do. Every process that does jobs
            asks that often, and only then is the work begun, at most twice ``every`` after there is something. So a
            look must be cheap and write nothing, and gets the :class:`~dinrail_core.hooks.context.Rail`, as it is
            no reason to open a service. Always, where left out.
    """

    name: str
    run: Callable[[Any, JobRun], Awaitable[None]]
    ended: Callable[[Any, Job], Awaitable[None]] | None = None
    concurrency: int = 4
    per_tenant: int | None = None
    attempts: int = 3
    backoff: float = 1.0
    every: float | None = None
    wanted: Callable[[Any], Awaitable[bool]] | None = None
    summary: str = field(default="")
    """One line for people."""


class Jobs(ABC):
    """Does work durably.

    Methods that name a principal look at its jobs alone; with ``None``, at everybody's, for the operator.

    Methods that name a job raise:
        NotFound: There is none of this id.

    What nobody enqueues belongs to no principal: with ``None`` it can be looked at, and neither cancelled nor retried.
    """

    @abstractmethod
    async def enqueue(
        self, kind: str, payload: Mapping[str, Json], call: Call, *, key: str | None = None, delay: float = 0.0
    ) -> str:
        """Have a job done. When this returns, it will be, whatever happens to this process.

        Args:
            kind: The name of a declared kind.
            payload: What it is told; JSON, and small: large things are rows or files. No secrets.
            call: On whose behalf.
            key: What makes it one job: enqueued again with the same key and kind by the same principal, the job that is
                there is meant, whatever became of it.
            delay: Seconds before it is taken up.

        Returns:
            The job's id.

        Raises:
            NothingServes: No installed service declares the kind, or nobody is to enqueue it.
        """

    @abstractmethod
    async def get(self, job_id: str, principal: Principal | None) -> Job:
        """One job."""

    @abstractmethod
    async def list(
        self,
        principal: Principal | None,
        *,
        kind: str | None = None,
        state: JobState | None = None,
        periodic: bool = False,
        after: str | None = None,
        limit: int = 100,
    ) -> Sequence[Job]:
        """Jobs, the newest first.

        Args:
            principal: Whose.
            kind: Only of this kind.
            state: Only in this state.
            periodic: What nobody enqueues (:attr:`JobKind.every`), one of each kind, instead of what somebody did.
            after: The id behind which the list goes on.
            limit: How many at most.
        """

    @abstractmethod
    async def cancel(self, job_id: str, principal: Principal | None) -> Job:
        """Have a job ended in whichever process it is, within 2 s where its code awaits something.

        One that has ended stays as it is.

        Raises:
            Conflict: Nobody has enqueued it.
        """

    @abstractmethod
    async def retry(self, job_id: str, principal: Principal | None) -> Job:
        """Have a failed or cancelled job done again, with its attempts counted anew and its recorded steps kept.

        Raises:
            Conflict: It has not ended, it is completed, or nobody has enqueued it.
        """

    @abstractmethod
    async def counts(self) -> Mapping[tuple[str, JobState], int]:
        """How many jobs there are that somebody has enqueued, by kind and state; for ``/metrics``."""

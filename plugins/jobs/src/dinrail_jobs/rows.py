"""Jobs as rows, and rows as jobs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from dinrail_core.api.call import Call, Principal, Share
from dinrail_core.api.jobs import Job, JobProgress, Json
from dinrail_sdk.sql.tables import OWNER, TENANT

__all__ = ["Row", "call_of", "dumped", "job_of", "key_hash", "new_row", "principal_of"]

Row = Mapping[Any, Any]


def dumped(value: Json, what: str) -> str:
    """A value as JSON.

    Raises:
        TypeError: It is nothing that JSON can say; a mistake in a service's code.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} is not JSON ({error}).") from error


def new_row(job_id: str, kind: str, payload: Mapping[str, Json], call: Call, now: float) -> dict[str, Any]:
    """The row of a job that nobody has begun; its owner is added by the unit that inserts it."""
    principal = call.principal
    origin = {
        "request_id": call.request_id,
        "traceparent": call.traceparent,
        "storage_limit": call.storage_limit,
        "credential": call.credential,
        "roles": sorted(principal.roles),
        "shares": [{**asdict(share), "objects": sorted(share.objects)} for share in principal.shares],
    }
    return {
        "id": job_id,
        "kind": kind,
        "state": "queued",
        "duty": "run",
        "due_at": now,
        "payload": dumped(dict(payload), "The payload"),
        "origin": dumped(origin, "The call"),
        "periodic": False,
        "cancelling": False,
        "attempt": 0,
        "failures": 0,
        "losses": 0,
        "created_at": now,
    }


def key_hash(kind: str, key: str, principal: Principal) -> str:
    """What is one for a key of one principal and kind: of a fixed length, and no two share it."""
    parts = [part.encode() for part in (principal.tenant, principal.user or "", kind, key)]
    return hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()


def principal_of(row: Row) -> Principal:
    """On whose behalf a job is done, with what it might do when it was enqueued."""
    origin = json.loads(row["origin"])
    shares = tuple(Share(**{**share, "objects": frozenset(share["objects"])}) for share in origin["shares"])
    return Principal(row[TENANT], row[OWNER] or None, frozenset(origin["roles"]), shares)


def call_of(row: Row) -> Call:
    """The call that a job is done as."""
    origin = json.loads(row["origin"])
    return Call(
        principal=principal_of(row),
        request_id=origin["request_id"],
        traceparent=origin["traceparent"],
        storage_limit=origin["storage_limit"],
        credential=origin.get("credential"),  # which jobs of older versions do not have
    )


def job_of(row: Row, worker: str | None = None) -> Job:
    """A row as a job.

    Args:
        row: The row.
        worker: What the process that has it is called.
    """
    progress = json.loads(row["progress"]) if row["progress"] else None
    return Job(
        id=row["id"],
        kind=row["kind"],
        principal=principal_of(row),
        state=row["state"],
        payload=json.loads(row["payload"]),
        created_at=row["created_at"],
        due_at=row["due_at"] if row["state"] == "queued" else None,
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        attempt=row["attempt"],
        progress=JobProgress(**progress) if progress else None,
        error=json.loads(row["error"]) if row["error"] else None,
        worker=worker or row["worker"],
        cancelling=row["cancelling"],
    )

"""Keys as rows."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, RowMapping, delete, select

from dinrail_core.api.call import Call
from dinrail_core.api.idempotency import Claim, IdempotencyKeys, Kept, Made
from dinrail_core.errors import Conflict, KeyReused, NotFound
from dinrail_idempotency.tables import KEYS
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.units import Owned

__all__ = ["CLAIM_SECONDS", "KEPT_SECONDS", "StoredKeys", "anything_expired"]

CLAIM_SECONDS = 10.0
"""How long a claim lasts that is not renewed: so long is a key locked when a server dies."""

KEPT_SECONDS = 24 * 3600.0

_MADE = 0
"""The status of what tells its answer itself; no answer has it."""

_GONE = 1
"""The status of what told of something that has been deleted."""

_BATCH = 500

Clock = Callable[[], float]


class StoredKeys(IdempotencyKeys):
    """Keeps keys in the database.

    Args:
        database: The database.
        clock: Seconds since the epoch.
    """

    def __init__(self, database: Database, clock: Clock = time.time) -> None:
        self._database = database
        self._clock = clock

    async def claim(self, key: str, fingerprint: bytes | None, call: Call) -> Claim | Kept | Made:
        row = _row(key, call)
        token, print_ = os.urandom(16).hex(), _print(fingerprint)

        def work(unit: Owned) -> tuple[str, bool] | Kept | Made:
            now = self._milliseconds()
            found = unit.get(KEYS, row, lock=True)
            if found is not None and found["expires_at"] <= now:
                unit.delete(KEYS, KEYS.c.id == row)
                found = None
            if found is None:
                seed = new_id("")
                claimed = {"token": token, "claimed_until": now + int(CLAIM_SECONDS * 1000)}
                unit.insert(
                    KEYS,
                    {
                        "id": row,
                        "fingerprint": print_,
                        "seed": seed,
                        "expires_at": now + int(KEPT_SECONDS * 1000),
                        **claimed,
                    },
                )
                return seed, False
            # What is not known yet is compared once it is.
            if fingerprint is not None and found["fingerprint"] != print_:
                raise _reused()
            if found["status"] is not None:
                return _answered(found, call)
            if found["claimed_until"] > now:
                raise _in_progress()
            unit.change(KEYS, row, {"token": token, "claimed_until": now + int(CLAIM_SECONDS * 1000)})
            return str(found["seed"]), True

        try:
            outcome = await self._database.write(call.principal, work)
        except Duplicate:  # somebody else was faster, between our look and our insert
            raise _in_progress() from None
        if not isinstance(outcome, tuple):
            return outcome
        seed, again = outcome
        return Claim(replace(call, seed=seed), row, token, again)

    async def identify(self, claim: Claim, fingerprint: bytes) -> None:
        print_ = _print(fingerprint)

        def work(unit: Owned) -> None:
            found = unit.get(KEYS, claim.row, lock=True)
            if found is None or found["token"] != claim.token or found["status"] is not None:
                raise _in_progress()
            if found["fingerprint"] not in ("", print_):
                raise _reused()
            unit.change(KEYS, claim.row, {"fingerprint": print_})

        await self._database.write(claim.call.principal, work)

    @property
    def renewal(self) -> float:
        """See :attr:`IdempotencyKeys.renewal`: several tries fit into the time that a claim lasts."""
        return CLAIM_SECONDS / 4

    async def renew(self, claim: Claim) -> None:
        values = {"claimed_until": self._milliseconds() + int(CLAIM_SECONDS * 1000)}
        await self._update(claim, values)

    async def keep(self, claim: Claim, answer: Kept | None) -> None:
        values: dict[str, Any] = {"status": _MADE}
        if answer is not None:
            values = {
                "status": answer.status,
                "content_type": answer.content_type,
                "body": answer.body,
                "made": f"{answer.path}/{_id(answer)}",
                "within": answer.path.rpartition("/")[0],
            }
        await self._update(claim, values)

    async def forget(self, path: str, call: Call) -> None:
        collection, _, name = path.rpartition("/")

        def work(unit: Owned) -> None:
            # Two looks, since SQLite would not use both indexes for one.
            listed = unit.select(KEYS, KEYS.c.made.in_([path, f"{collection}/"]))
            for row in (*listed, *unit.select(KEYS, KEYS.c.within == path)):
                if row["made"] == path or row["within"] == path or f'"{name}"'.encode() in row["body"]:
                    unit.change(KEYS, row["id"], {"status": _GONE, "body": None, "made": None, "within": None})

        await self._database.write(call.principal, work)

    async def release(self, claim: Claim, *, begun: bool) -> None:
        if begun or claim.again:
            await self._update(claim, {"claimed_until": 0})
        else:
            await self._database.write(claim.call.principal, lambda unit: unit.delete(KEYS, *_held(claim)))

    async def sweep(self) -> None:
        """Remove every caller's keys that have expired."""
        while await self._database.sweep(_remove_expired) == _BATCH:
            pass

    async def _update(self, claim: Claim, values: dict[str, Any]) -> None:
        await self._database.write(claim.call.principal, lambda unit: unit.update(KEYS, values, *_held(claim)))

    def _milliseconds(self) -> int:
        return int(self._clock() * 1000)


def anything_expired(connection: Connection) -> bool:
    """Whether there are keys to remove."""
    return connection.execute(select(KEYS.c.id).where(_expired()).limit(1)).first() is not None


def _remove_expired(connection: Connection) -> int:
    """Remove some, so that requests can write in between, and return how many."""
    ids = connection.execute(select(KEYS.c.id).where(_expired()).limit(_BATCH)).scalars().all()
    connection.execute(delete(KEYS).where(KEYS.c.id.in_(ids), _expired()))
    return len(ids)


def _expired() -> ColumnElement[bool]:
    return KEYS.c.expires_at <= int(time.time() * 1000)


def _row(key: str, call: Call) -> str:
    """The key's row: of a fixed length, and another for every caller."""
    owner = call.principal
    parts = (owner.tenant, owner.user or "", key)
    return hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in map(str.encode, parts))).hexdigest()


def _print(fingerprint: bytes | None) -> str:
    """What is kept of a fingerprint; nothing where it is not known yet."""
    return "" if fingerprint is None else hashlib.sha256(fingerprint).hexdigest()


def _held(claim: Claim) -> tuple[Any, ...]:
    return KEYS.c.id == claim.row, KEYS.c.token == claim.token, KEYS.c.status.is_(None)


def _answered(row: RowMapping, call: Call) -> Kept | Made:
    if row["status"] == _MADE:
        return Made(replace(call, seed=row["seed"]))
    if row["status"] == _GONE:
        raise NotFound("What the request with this idempotency key has made was deleted.")
    collection, _, _ = row["made"].rpartition("/") if row["made"] is not None else ("", "", "")
    return Kept(row["status"], row["body"], row["content_type"], collection)


def _id(answer: Kept) -> str:
    """The id of what an answer tells of; nothing where it is a list, or not one of OpenAI's objects."""
    told = orjson.loads(answer.body) if answer.content_type == "application/json" else None
    return str(told.get("id") or told.get("prompt_id") or "") if isinstance(told, dict) else ""


def _reused() -> KeyReused:
    return KeyReused("This idempotency key was used for another request. Take a new one for each request.")


def _in_progress() -> Conflict:
    return Conflict("The request with this idempotency key is still under way.", code="idempotency_in_progress")

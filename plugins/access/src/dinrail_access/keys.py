"""API keys as rows."""

from __future__ import annotations

import hmac
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from dinrail_access.credentials import KEY_ID, digest, new_key, redacted
from dinrail_access.policy import LIMITS
from dinrail_access.tables import KEYS, SERVICE
from dinrail_core.api.api_keys import ApiKey, ApiKeyList, ApiKeys, CreateApiKey, CreatedApiKey, Limits
from dinrail_core.api.call import Call
from dinrail_core.api.pages import ListQuery
from dinrail_core.errors import InvalidRequest, NotFound
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.units import Owned, page_of

__all__ = ["KeyStore"]


class KeyStore(ApiKeys):
    """Keeps keys in the database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, request: CreateApiKey, call: Call) -> CreatedApiKey:
        now = int(time.time())
        expires_at = request.expires_at if isinstance(request.expires_at, int) else None
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest("The key would have expired already.", param="expires_at")
        value = new_key()
        row = {
            "id": new_id(KEY_ID),
            "digest": digest(value),
            "redacted": redacted(value),
            "name": request.name if isinstance(request.name, str) else None,
            "for_tenant": request.tenant,
            "for_user": request.user if isinstance(request.user, str) else None,
            "roles": list(dict.fromkeys(request.roles)) if isinstance(request.roles, list) else [],
            "limits": _limits(request),
            "created_at": now,
            "expires_at": expires_at,
            "revoked_at": None,
        }
        await self._database.write(SERVICE, lambda unit: unit.insert(KEYS, row))
        return CreatedApiKey.model_validate({**_fields(row), "value": value})

    async def list(self, page: ListQuery, call: Call) -> ApiKeyList:
        found = await self._database.read(SERVICE, lambda unit: unit.page(KEYS, page_of(page)))
        data = [_wire(row) for row in found.rows]
        return ApiKeyList(
            data=data,
            first_id=data[0].id if data else None,
            last_id=data[-1].id if data else None,
            has_more=found.has_more,
        )

    async def get(self, key_id: str, call: Call) -> ApiKey:
        return _wire(await self._database.read(SERVICE, lambda unit: _existing(unit, key_id)))

    async def revoke(self, key_id: str, call: Call) -> ApiKey:
        def work(unit: Owned) -> RowMapping:
            if _existing(unit, key_id, lock=True)["revoked_at"] is None:
                unit.update(KEYS, {"revoked_at": int(time.time())}, KEYS.c.id == key_id)
            return _existing(unit, key_id)

        return _wire(await self._database.write(SERVICE, work))

    async def forget(self, key_id: str, call: Call) -> None:
        def work(unit: Owned) -> None:
            if not unit.delete(KEYS, KEYS.c.id == key_id):
                raise _missing(key_id)

        await self._database.write(SERVICE, work)

    async def any(self) -> bool:
        """Whether there is a key, be it one that was taken back."""
        return await self._database.read(SERVICE, lambda unit: unit.first(KEYS)) is not None

    async def find(self, wanted: str) -> RowMapping | None:
        """The row of the key with this digest, if it is in force."""
        row = await self._database.read(SERVICE, lambda unit: unit.first(KEYS, KEYS.c.digest == wanted))
        # The index has compared already, of what no one can steer; this keeps it true if that ever changes.
        if row is None or not hmac.compare_digest(row["digest"], wanted):
            return None
        expired = row["expires_at"] is not None and row["expires_at"] <= time.time()
        return None if expired or row["revoked_at"] is not None else row

    async def by_id(self, key_id: str) -> RowMapping | None:
        """The row of a key, in force or not; ``None`` where it is forgotten."""
        return await self._database.read(SERVICE, lambda unit: unit.get(KEYS, key_id))


def _limits(request: CreateApiKey) -> dict[str, int]:
    given = request.limits
    if not isinstance(given, Limits):
        return {}
    unknown = sorted(given.model_extra or ())
    if unknown:
        raise InvalidRequest(f"There is no limit '{unknown[0]}'.", param=f"limits.{unknown[0]}")
    return {name: value for name in LIMITS if isinstance(value := getattr(given, name), int)}


def _existing(unit: Owned, key_id: str, *, lock: bool = False) -> RowMapping:
    found = unit.get(KEYS, key_id, lock=lock)
    if found is None:
        raise _missing(key_id)
    return found


def _missing(key_id: str) -> NotFound:
    return NotFound(f"There is no key '{key_id}'.", param="key_id")


def _wire(row: Mapping[Any, Any]) -> ApiKey:
    return ApiKey.model_validate(_fields(row))


def _fields(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "redacted_value": row["redacted"],
        "tenant": row["for_tenant"],
        "user": row["for_user"],
        "roles": row["roles"],
        "created_at": row["created_at"],
        "expires_at": row["expires_at"],
        "revoked_at": row["revoked_at"],
        "limits": row["limits"],
    }

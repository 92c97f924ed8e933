"""Who writes to a conversation: a lease in its row."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import RowMapping

from dinrail_conversations.tables import CONVERSATIONS
from dinrail_core.api.call import Call, Principal
from dinrail_core.api.conversations import LOCKED, ConversationLock
from dinrail_core.errors import Conflict, NotFound, RequestError, Unavailable
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.units import Owned

__all__ = ["Locks", "existing", "writable"]

_log = logging.getLogger(__name__)


def existing(unit: Owned, conversation_id: str, *, lock: bool = False) -> RowMapping:
    """A conversation's row.

    Raises:
        NotFound: There is none.
    """
    row = unit.get(CONVERSATIONS, conversation_id, lock=lock)
    if row is None:
        raise NotFound(f"There is no conversation '{conversation_id}'.", param="conversation_id")
    return row


def writable(unit: Owned, conversation_id: str, token: str | None) -> tuple[RowMapping, Mapping[str, Any]]:
    """A conversation's row for who is to write, and what the write has to change about its holder.

    A lease that has run out ends for good with the first write of somebody else, so that a holder whose process stood
    still cannot go on in the midst of what others have said.

    Args:
        unit: The unit that writes.
        conversation_id: The conversation.
        token: The writer's lock, where it holds one.

    Raises:
        Conflict: Somebody else holds the lock, or the writer's own is lost.
        NotFound: There is no such conversation.
    """
    row = existing(unit, conversation_id, lock=True)
    if token is not None:
        if row["holder"] != token:
            raise Conflict(f"The lock of the conversation '{conversation_id}' has been lost.", code=LOCKED)
        return row, {}
    if row["holder"] is None:
        return row, {}
    if row["held_until"] > _now():
        raise _locked(conversation_id)
    return row, {"holder": None, "held_until": 0}


class Locks:
    """Takes, renews and gives back locks.

    Args:
        database: The database.
        lease: Seconds for which a lock holds without being renewed.
    """

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self._lease = lease

    @asynccontextmanager
    async def hold(self, conversation_id: str, call: Call) -> AsyncIterator[ConversationLock]:
        """See :meth:`Conversations.lock`."""
        lock = ConversationLock(conversation_id, secrets.token_hex(16))
        try:
            await self._take(lock, call.principal)
        except RequestError:
            raise  # refused: there is nothing to give back
        except BaseException:
            await self._give_back(lock, call.principal)  # the wait may have ended behind the commit
            raise
        renewing = asyncio.create_task(self._renew_until_lost(lock, call.principal))
        try:
            yield lock
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})
            await self._give_back(lock, call.principal)

    async def _take(self, lock: ConversationLock, principal: Principal) -> None:
        def work(unit: Owned) -> None:
            row = existing(unit, lock.conversation_id, lock=True)
            if row["holder"] is not None and row["held_until"] > _now():
                raise _locked(lock.conversation_id)
            unit.change(CONVERSATIONS, lock.conversation_id, self._held_by(lock))

        await self._database.write(principal, work)

    async def _renew_until_lost(self, lock: ConversationLock, principal: Principal) -> None:
        def work(unit: Owned) -> int:
            return unit.update(CONVERSATIONS, self._held_by(lock), *_of(lock))

        while True:
            await asyncio.sleep(self._lease / 4)
            try:
                if not await self._database.write(principal, work):
                    _log.warning("The lock of a conversation was lost: this process stood still for too long.")
                    return
            except Unavailable as error:
                _log.warning("The lock of a conversation could not be renewed: %s", error)

    async def _give_back(self, lock: ConversationLock, principal: Principal) -> None:
        def work(unit: Owned) -> int:
            return unit.update(CONVERSATIONS, {"holder": None, "held_until": 0}, *_of(lock))

        try:
            await self._database.write(principal, work)
        except Unavailable as error:
            _log.warning("The lock of a conversation could not be given back, and runs out: %s", error)

    def _held_by(self, lock: ConversationLock) -> dict[str, Any]:
        return {"holder": lock.token, "held_until": _now() + int(self._lease * 1000)}


def _of(lock: ConversationLock) -> tuple[Any, Any]:
    return CONVERSATIONS.c.id == lock.conversation_id, CONVERSATIONS.c.holder == lock.token


def _locked(conversation_id: str) -> Conflict:
    return Conflict(
        f"Somebody else is writing to the conversation '{conversation_id}'. Try again in a moment.", code=LOCKED
    )


def _now() -> int:
    return time.time_ns() // 1_000_000

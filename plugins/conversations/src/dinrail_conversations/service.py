"""Conversations as rows."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from pydantic_core import to_json
from sqlalchemy import RowMapping

from dinrail_conversations import log
from dinrail_conversations.locks import Locks, existing, writable
from dinrail_conversations.tables import CONVERSATIONS, ITEMS
from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.conversations import (
    Conversation,
    ConversationItem,
    ConversationItemList,
    ConversationLock,
    Conversations,
    CreateConversation,
    CreateItems,
    DeletedConversation,
    ItemQuery,
    ListItemsQuery,
    UpdateConversation,
)
from dinrail_core.api.items.including import as_asked
from dinrail_core.api.items.keeping import read_item
from dinrail_core.api.items.unions import Item
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.quota import check_room
from dinrail_sdk.sql.units import Owned

__all__ = ["ConversationService"]

_AT_ONCE = 200
"""Items that are read in one go where all of them are wanted."""


class ConversationService(Conversations):
    """Keeps conversations in the database.

    Args:
        database: The database.
        lease: Seconds for which a lock holds without being renewed.
    """

    def __init__(self, database: Database, lease: float) -> None:
        self._database = database
        self._locks = Locks(database, lease)

    async def create(self, request: CreateConversation, call: Call) -> Answer[Conversation]:
        entries = log.entries_of(request.items if isinstance(request.items, list) else [])
        conversation = Conversation(
            id=new_id("conv_", call.seed), created_at=int(time.time()), metadata=_metadata(request.metadata)
        )
        row: dict[str, Any] = {
            "id": conversation.id,
            "created_at": conversation.created_at,
            "metadata": conversation.metadata,
            "bytes": _size(conversation.metadata),
            "next_position": len(entries),
            "holder": None,
            "held_until": 0,
        }

        def work(unit: Owned) -> None:
            items = log.first_rows(unit, conversation.id, entries)
            check_room(unit, call, row["bytes"] + sum(item["bytes"] for item in items))
            unit.insert(CONVERSATIONS, row)
            unit.insert(ITEMS, *items)

        try:
            await self._database.write(call.principal, work)
        except Duplicate:
            if call.seed is None:
                raise
            return await self.get(conversation.id, call)  # an earlier try of the same request has made it
        return Answer.of(conversation)

    async def get(self, conversation_id: str, call: Call) -> Answer[Conversation]:
        row = await self._database.read(call.principal, lambda unit: existing(unit, conversation_id))
        return Answer.of(_wire(row))

    async def update(self, conversation_id: str, request: UpdateConversation, call: Call) -> Answer[Conversation]:
        metadata = _metadata(request.metadata)

        def work(unit: Owned) -> Conversation:
            row = existing(unit, conversation_id, lock=True)
            values = {"metadata": metadata, "bytes": _size(metadata)}
            check_room(unit, call, max(0, values["bytes"] - row["bytes"]))
            unit.change(CONVERSATIONS, conversation_id, values)
            return _wire({**row, "metadata": metadata})

        return Answer.of(await self._database.write(call.principal, work))

    async def delete(self, conversation_id: str, call: Call) -> Answer[DeletedConversation]:
        def work(unit: Owned) -> None:
            writable(unit, conversation_id, None)
            unit.delete(ITEMS, ITEMS.c.conversation_id == conversation_id)
            unit.delete(CONVERSATIONS, CONVERSATIONS.c.id == conversation_id)

        await self._database.write(call.principal, work)
        return Answer.of(DeletedConversation(id=conversation_id))

    async def add_items(
        self, conversation_id: str, request: CreateItems, query: ItemQuery, call: Call
    ) -> Answer[ConversationItemList]:
        added = await self._add(conversation_id, log.entries_of(request.items), call, None)
        return Answer(ConversationItemList, body=log.told(added, _include(query), has_more=False))

    async def list_items(self, conversation_id: str, query: ListItemsQuery, call: Call) -> Answer[ConversationItemList]:
        found = await self._database.read(call.principal, lambda unit: log.page(unit, conversation_id, query))
        body = log.told(found.rows, _include(query), has_more=found.has_more)
        return Answer(ConversationItemList, body=body)

    async def get_item(
        self, conversation_id: str, item_id: str, query: ItemQuery, call: Call
    ) -> Answer[ConversationItem]:
        def work(unit: Owned) -> RowMapping:
            existing(unit, conversation_id)
            return log.kept(unit, conversation_id, item_id)

        row = await self._database.read(call.principal, work)
        text = as_asked(row["body"], row["kind"], _include(query))
        return Answer(ConversationItem, body=text.encode())

    async def delete_item(self, conversation_id: str, item_id: str, call: Call) -> Answer[Conversation]:
        row = await self._database.write(call.principal, lambda unit: log.remove(unit, conversation_id, item_id))
        return Answer.of(_wire(row))

    def lock(self, conversation_id: str, call: Call) -> AbstractAsyncContextManager[ConversationLock]:
        return self._locks.hold(conversation_id, call)

    async def append(
        self, conversation_id: str, items: Sequence[Item], call: Call, lock: ConversationLock | None = None
    ) -> None:
        await self._add(conversation_id, [log.entry_of(item) for item in items], call, lock)

    async def history(self, conversation_id: str, call: Call, after: str | None = None) -> AsyncGenerator[Item, None]:
        position = -1

        def work(unit: Owned) -> Sequence[RowMapping]:
            existing(unit, conversation_id)
            begin = log.position_of(unit, conversation_id, after) if position < 0 and after is not None else position
            here = (ITEMS.c.conversation_id == conversation_id, ITEMS.c.position > begin, ITEMS.c.body.is_not(None))
            return unit.select(ITEMS, *here, order_by=(ITEMS.c.position,), limit=_AT_ONCE)

        while True:
            rows = await self._database.read(call.principal, work)
            for row in rows:
                yield read_item(row["body"])
            if len(rows) < _AT_ONCE:
                return
            position = rows[-1]["position"]

    async def find_items(self, item_ids: Sequence[str], call: Call) -> Mapping[str, Item]:
        rows = await self._database.read(call.principal, lambda unit: log.find(unit, item_ids))
        return {item_id: read_item(row["body"]) for item_id, row in rows.items()}

    async def _add(
        self, conversation_id: str, entries: Sequence[log.Entry], call: Call, lock: ConversationLock | None
    ) -> list[log.Entry | RowMapping]:
        token = lock.token if lock is not None else None

        def work(unit: Owned) -> list[log.Entry | RowMapping]:
            conversation, change = writable(unit, conversation_id, token)
            return log.add(unit, conversation, entries, change, call)

        return await self._database.write(call.principal, work)


def _metadata(given: object) -> dict[str, str]:
    return given if isinstance(given, dict) else {}


def _size(metadata: dict[str, str]) -> int:
    return len(to_json(metadata)) if metadata else 0


def _include(query: ItemQuery) -> frozenset[str]:
    return frozenset(query.include) if isinstance(query.include, list) else frozenset()


def _wire(row: Mapping[Any, Any]) -> Conversation:
    return Conversation(id=row["id"], created_at=row["created_at"], metadata=row["metadata"])

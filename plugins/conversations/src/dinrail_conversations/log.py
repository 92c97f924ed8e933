"""A conversation's log of items, as rows."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_json
from sqlalchemy import RowMapping

from dinrail_conversations.locks import existing, writable
from dinrail_conversations.tables import CONVERSATIONS, ITEMS
from dinrail_core.api.call import Call
from dinrail_core.api.conversations import ListItemsQuery
from dinrail_core.api.items.including import as_asked
from dinrail_core.api.items.keeping import keep
from dinrail_core.api.items.unions import InputItem, Item, ItemReference
from dinrail_core.errors import InvalidRequest, NotFound
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.quota import check_room
from dinrail_sdk.sql.units import Owned, Page, Rows

__all__ = [
    "Entry",
    "add",
    "entries_of",
    "entry_of",
    "find",
    "first_rows",
    "kept",
    "page",
    "position_of",
    "remove",
    "told",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """An item on its way into a log.

    Attributes:
        item_id: Its id.
        kind: Its type; empty for a reference.
        body: Its JSON text; ``None`` for a reference, which is looked up when it is written.
        given: Whether the id is the caller's, so that it may be taken.
    """

    item_id: str
    kind: str
    body: str | None
    given: bool


def entries_of(items: Iterable[InputItem]) -> list[Entry]:
    """What a request brings.

    Raises:
        InvalidRequest: An item cannot be kept; ``param`` is ``items.N.type`` or ``items.N.id``.
    """
    found = []
    for number, item in enumerate(items):
        item_id: object = getattr(item, "id", None)
        given = isinstance(item_id, str)
        if isinstance(item, ItemReference):
            found.append(Entry(item.id, "", None, given=True))
            continue
        try:
            kept_item = keep(item, new_id)
        except InvalidRequest as error:
            raise InvalidRequest(error.message, param=f"items.{number}.{error.param}") from None
        found.append(entry_of(kept_item, given=given))
    return found


def entry_of(item: Item, *, given: bool = True) -> Entry:
    """An item that is complete."""
    return Entry(item.id, item.type, item.model_dump_json(), given)


def first_rows(unit: Owned, conversation_id: str, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The rows of a conversation's first items.

    Raises:
        InvalidRequest: An id occurs twice.
        NotFound: A reference leads nowhere.
    """
    _check_unlike(entries)
    return _rows(conversation_id, 0, _resolved(unit, entries), None)


def add(
    unit: Owned, conversation: RowMapping, entries: Sequence[Entry], change: Mapping[str, Any], call: Call
) -> list[Entry | RowMapping]:
    """Write items behind a conversation's last one, side by side.

    Args:
        unit: The unit that holds the conversation's row.
        conversation: The row.
        entries: The items.
        change: What else changes about the row.
        call: On whose behalf; where it may be tried again, and an earlier try has added the items, none is added.

    Returns:
        The items, references replaced by what they stand for.

    Raises:
        InvalidRequest: An id is there already.
        NotFound: A reference leads nowhere.
        RateLimited: There is no room for them.
    """
    if not entries:
        return []
    if call.seed is not None and (before := _added_before(unit, conversation["id"], call.seed, len(entries))):
        return before
    _check_unlike(entries)
    whole = _resolved(unit, entries)
    _make_way(unit, conversation["id"], whole)
    first: int = conversation["next_position"]
    rows = _rows(conversation["id"], first, whole, call.seed)
    check_room(unit, call, sum(row["bytes"] for row in rows))
    unit.insert(ITEMS, *rows, under=conversation)
    unit.change(CONVERSATIONS, conversation["id"], {**change, "next_position": first + len(rows)})
    return [*whole]


def remove(unit: Owned, conversation_id: str, item_id: str) -> RowMapping:
    """Take an item out of the log, and return the conversation's row; its place stays, for cursors.

    Raises:
        Conflict: Somebody else holds the lock.
        NotFound: There is no such conversation or item.
    """
    conversation, change = writable(unit, conversation_id, None)
    row = kept(unit, conversation_id, item_id)
    unit.change(ITEMS, row["id"], {"body": None, "bytes": 0})
    if change:
        unit.change(CONVERSATIONS, conversation_id, change)
    return conversation


def kept(unit: Owned, conversation_id: str, item_id: str) -> RowMapping:
    """An item's row.

    Raises:
        NotFound: There is none, or not any more.
    """
    row = _row(unit, conversation_id, item_id)
    if row is None or row["body"] is None:
        raise NotFound(f"There is no item '{item_id}' in the conversation '{conversation_id}'.", param="item_id")
    return row


def page(unit: Owned, conversation_id: str, query: ListItemsQuery) -> Rows:
    """A part of a log.

    Raises:
        InvalidRequest: The cursor was never an item of it.
        NotFound: There is no such conversation.
    """
    existing(unit, conversation_id)
    after = position_of(unit, conversation_id, query.after) if isinstance(query.after, str) else None
    wanted = Page(query.limit, query.order, after)
    here = (ITEMS.c.conversation_id == conversation_id, ITEMS.c.body.is_not(None))
    return unit.page(ITEMS, wanted, *here, key=ITEMS.c.position)


def position_of(unit: Owned, conversation_id: str, cursor: str) -> int:
    """Where in its log an item is, or was.

    Raises:
        InvalidRequest: It never was there.
    """
    row = _row(unit, conversation_id, cursor)
    if row is None:
        raise InvalidRequest(f"'{cursor}' is no item of the conversation '{conversation_id}'.", param="after")
    position: int = row["position"]
    return position


def find(unit: Owned, item_ids: Collection[str]) -> dict[str, RowMapping]:
    """Items by their ids in whichever conversation of the principal's; of several with one id, the latest."""
    wanted = [item_id for item_id in item_ids if "\0" not in item_id]
    if not wanted:
        return {}
    rows = unit.select(
        ITEMS, ITEMS.c.item_id.in_(wanted), ITEMS.c.body.is_not(None), order_by=(ITEMS.c.created_at, ITEMS.c.id)
    )
    return {row["item_id"]: row for row in rows}


def told(items: Iterable[Entry | RowMapping], include: Collection[str], *, has_more: bool) -> bytes:
    """The JSON text of a list of items; their own texts go into it as they are kept."""
    ids, texts = [], []
    for item in items:
        item_id, kind, body = (
            (item.item_id, item.kind, item.body)
            if isinstance(item, Entry)
            else (item["item_id"], item["kind"], item["body"])
        )
        ids.append(item_id)
        texts.append(as_asked(body or "", kind, include))
    ends = to_json({"first_id": ids[0] if ids else "", "last_id": ids[-1] if ids else "", "has_more": has_more})
    return b'{"object":"list","data":[' + ",".join(texts).encode() + b"]," + ends[1:]


def _row(unit: Owned, conversation_id: str, item_id: str) -> RowMapping | None:
    if "\0" in item_id:
        return None  # no id has it, and no database can look for it
    return unit.first(ITEMS, ITEMS.c.conversation_id == conversation_id, ITEMS.c.item_id == item_id)


def _added_before(unit: Owned, conversation_id: str, seed: str, amount: int) -> list[Entry | RowMapping]:
    """What an earlier try of the same request has added, without what was deleted since; nothing where none did."""
    here = ITEMS.c.conversation_id == conversation_id
    # In order, since SQLite then looks through the conversation, and otherwise through all that its owner has stored.
    first = unit.first(ITEMS, here, ITEMS.c.seed == seed, order_by=(ITEMS.c.position,))
    if first is None:
        return []
    theirs = (ITEMS.c.position >= first["position"], ITEMS.c.position < first["position"] + amount)
    return [row for row in unit.select(ITEMS, here, *theirs, order_by=(ITEMS.c.position,)) if row["body"] is not None]


def _resolved(unit: Owned, entries: Sequence[Entry]) -> list[Entry]:
    wanted = {entry.item_id for entry in entries if entry.body is None}
    if not wanted:
        return list(entries)
    found = find(unit, wanted)
    whole = []
    for number, entry in enumerate(entries):
        if entry.body is not None:
            whole.append(entry)
            continue
        row = found.get(entry.item_id)
        if row is None:
            raise NotFound(f"There is no item '{entry.item_id}'.", param=f"items.{number}.id")
        whole.append(Entry(entry.item_id, row["kind"], row["body"], given=True))
    return whole


def _rows(conversation_id: str, first: int, entries: Sequence[Entry], seed: str | None) -> list[dict[str, Any]]:
    now = int(time.time())
    return [
        {
            "id": f"{conversation_id}:{position}",
            "conversation_id": conversation_id,
            "position": position,
            "item_id": entry.item_id,
            "kind": entry.kind,
            "body": entry.body,
            "created_at": now,
            "bytes": len((entry.body or "").encode()),
            "seed": seed if position == first else None,
        }
        for position, entry in enumerate(entries, first)
    ]


def _check_unlike(entries: Sequence[Entry]) -> None:
    """See that no id is given twice."""
    given: set[str] = set()
    for number, entry in enumerate(entries):
        if entry.given and entry.item_id in given:
            raise _taken(entry.item_id, number)
        given.add(entry.item_id)


def _make_way(unit: Owned, conversation_id: str, entries: Sequence[Entry]) -> None:
    """See that no given id is there. The place of an item that was deleted is given up for its id's new one."""
    given = {entry.item_id: number for number, entry in enumerate(entries) if entry.given}
    if not given:
        return
    here = (ITEMS.c.conversation_id == conversation_id, ITEMS.c.item_id.in_(list(given)))
    for row in unit.select(ITEMS, *here):
        if row["body"] is not None:
            raise _taken(row["item_id"], given[row["item_id"]])
        unit.delete(ITEMS, ITEMS.c.id == row["id"])


def _taken(item_id: str, number: int) -> InvalidRequest:
    return InvalidRequest(
        f"The conversation has an item '{item_id}' already.", param=f"items.{number}.id", code="duplicate_item"
    )

"""Stored completions as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, RowMapping, func

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatCompletion
from dinrail_core.api.stored_completions import (
    DeletedCompletion,
    StoredCompletionList,
    StoredCompletions,
    StoredCompletionsQuery,
    StoredMessageList,
    StoredMessagesQuery,
    UpdateStoredCompletion,
)
from dinrail_core.errors import Conflict, InvalidRequest, NotFound
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.quota import check_room
from dinrail_sdk.sql.units import Owned, Page
from dinrail_stored_completions.tables import COMPLETIONS, INPUTS
from dinrail_stored_completions.telling import (
    answer_of,
    answer_text,
    label,
    labels_of,
    listed,
    messages_text,
    told,
    told_messages,
)

__all__ = ["StoredCompletionService"]


class StoredCompletionService(StoredCompletions):
    """Keeps completions in the database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, call: Call) -> str:
        if call.storage_limit is None:
            await self._database.reach()
        else:
            await self._database.read(call.principal, lambda unit: check_room(unit, call, 1))
        return _id_of(call)

    async def keep(self, request: ChatRequest, answer: Mapping[str, Any], call: Call) -> None:
        completion_id = answer["id"]
        body, messages = answer_text(request, answer, call.request_id), messages_text(request)
        labels = labels_of(request.metadata)
        completion = {
            "id": completion_id,
            "model": str(answer.get("model", "")).replace("\0", ""),
            "asked_model": request.model,
            "labels": labels,
            "body": body,
            "bytes": len(body.encode()) + len(labels),
        }
        asked = {"id": completion_id, "messages": messages, "bytes": len(messages.encode())}

        def work(unit: Owned) -> None:
            check_room(unit, call, completion["bytes"] + asked["bytes"])
            unit.insert(COMPLETIONS, completion)
            unit.insert(INPUTS, asked)

        try:
            await self._database.write(call.principal, work)
        except Duplicate:
            if call.seed is None:
                raise
            raise Conflict("Another try of this request was faster.", code="idempotency_in_progress") from None

    async def again(self, call: Call) -> Answer[ChatCompletion] | None:
        completion_id = _id_of(call)
        row = await self._database.read(call.principal, lambda unit: unit.get(COMPLETIONS, completion_id))
        return Answer(ChatCompletion, body=answer_of(row)) if row is not None else None

    async def list(self, query: StoredCompletionsQuery, call: Call) -> Answer[StoredCompletionList]:
        page = Page(query.limit, query.order, query.after if isinstance(query.after, str) else None)
        where = list(_conditions(query))

        def work(unit: Owned) -> bytes:
            found = unit.page(COMPLETIONS, page, *where)
            # Written out here, and not on the loop: a page of long answers takes a while.
            return listed([row["id"] for row in found.rows], [told(row) for row in found.rows], more=found.has_more)

        return Answer(StoredCompletionList, body=await self._database.read(call.principal, work))

    async def get(self, completion_id: str, call: Call) -> Answer[ChatCompletion]:
        row = await self._database.read(call.principal, lambda unit: _existing(unit, completion_id))
        return Answer(ChatCompletion, body=told(row))

    async def update(self, completion_id: str, request: UpdateStoredCompletion, call: Call) -> Answer[ChatCompletion]:
        labels = labels_of(request.metadata)

        def work(unit: Owned) -> Mapping[Any, Any]:
            row = _existing(unit, completion_id, lock=True)
            more = len(labels) - len(row["labels"])
            check_room(unit, call, max(0, more))
            values = {"labels": labels, "bytes": row["bytes"] + more}
            unit.change(COMPLETIONS, completion_id, values)
            return {**row, **values}

        return Answer(ChatCompletion, body=told(await self._database.write(call.principal, work)))

    async def delete(self, completion_id: str, call: Call) -> Answer[DeletedCompletion]:
        def work(unit: Owned) -> None:
            _existing(unit, completion_id, lock=True)
            unit.delete(INPUTS, INPUTS.c.id == completion_id)
            unit.delete(COMPLETIONS, COMPLETIONS.c.id == completion_id)

        await self._database.write(call.principal, work)
        return Answer.of(DeletedCompletion(id=completion_id))

    async def messages(self, completion_id: str, query: StoredMessagesQuery, call: Call) -> Answer[StoredMessageList]:
        def work(unit: Owned) -> bytes:
            row = unit.get(INPUTS, completion_id)
            if row is None:
                raise _missing(completion_id)
            return _message_page(completion_id, told_messages(completion_id, row["messages"]), query)

        return Answer(StoredMessageList, body=await self._database.read(call.principal, work))


def _id_of(call: Call) -> str:
    return new_id("chatcmpl-", call.seed)


def _message_page(completion_id: str, messages: Sequence[Mapping[str, Any]], query: StoredMessagesQuery) -> bytes:
    ordered = messages if query.order == "asc" else messages[::-1]
    ids = [message["id"] for message in ordered]
    begin = 0
    if isinstance(query.after, str):
        if query.after not in ids:
            raise InvalidRequest(f"'{query.after}' is no message of '{completion_id}'.", param="after")
        begin = ids.index(query.after) + 1
    end = begin + query.limit
    return listed(ids[begin:end], [orjson.dumps(one) for one in ordered[begin:end]], more=end < len(ids))


def _conditions(query: StoredCompletionsQuery) -> Iterable[ColumnElement[bool]]:
    if isinstance(query.model, str):
        yield (COMPLETIONS.c.model == query.model) | (COMPLETIONS.c.asked_model == query.model)
    for pair in query.metadata.items() if isinstance(query.metadata, dict) else ():
        # Not LIKE, which takes an upper-case letter for a lower-case one in SQLite.
        yield func.replace(COMPLETIONS.c.labels, f"\n{label(*pair)}\n", "") != COMPLETIONS.c.labels


def _existing(unit: Owned, completion_id: str, *, lock: bool = False) -> RowMapping:
    found = unit.get(COMPLETIONS, completion_id, lock=lock)
    if found is None:
        raise _missing(completion_id)
    return found


def _missing(completion_id: str) -> NotFound:
    return NotFound(f"There is no stored chat completion '{completion_id}'.", param="completion_id")

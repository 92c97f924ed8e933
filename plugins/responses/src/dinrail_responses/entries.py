"""What a response in the background has written: events and steps, as rows that any process can go on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import RowMapping

from dinrail_core.api.call import Call
from dinrail_responses.scribe import Scribe
from dinrail_responses.store import UNDER_WAY, Link, finish_row, item_rows, size_of
from dinrail_responses.tables import ENTRIES, ITEMS, RESPONSES
from dinrail_responses.tools.interface import Json
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.sql.units import Owned

__all__ = ["REQUEST", "Entries", "RowLedger", "Superseded", "Written"]

REQUEST = "request"
"""The step under which the request is kept."""

_AT_ONCE = 500


class Superseded(Exception):
    """The response has ended meanwhile: it was cancelled, deleted, or taken over."""


@dataclass(frozen=True, slots=True)
class Written:
    """What there is.

    Attributes:
        events: Events, in order.
        steps: Steps that were taken, by name.
        next: The place of the next entry.
        bytes: How much room they take.
    """

    events: Sequence[Json]
    steps: dict[str, Json] = field(default_factory=dict)
    next: int = 0
    bytes: int = 0


class Entries:
    """Reads and writes entries.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def written(self, response_id: str, call: Call) -> Written:
        """All that a response has written."""
        here = ENTRIES.c.response_id == response_id

        def work(unit: Owned) -> Sequence[RowMapping]:
            return unit.select(ENTRIES, here, order_by=(ENTRIES.c.position,))

        rows = await self._database.read(call.principal, work)
        events = [from_json(row["body"]) for row in rows if row["number"] is not None]
        steps = {row["step"]: from_json(row["body"]) for row in rows if row["step"] is not None}
        size = sum(size_of(row["body"]) for row in rows)
        return Written(events, steps, rows[-1]["position"] + 1 if rows else 0, size)

    async def after(self, response_id: str, number: int, call: Call) -> tuple[Sequence[str], int, bool]:
        """Events behind a sequence number as JSON texts, the last one's number, and whether more may come."""

        def work(unit: Owned) -> tuple[Sequence[RowMapping], bool]:
            row = unit.get(RESPONSES, response_id)
            here = (ENTRIES.c.response_id == response_id, ENTRIES.c.number > number)
            rows = unit.select(ENTRIES, *here, order_by=(ENTRIES.c.number,), limit=_AT_ONCE)
            return rows, row is not None and row["status"] in UNDER_WAY

        rows, more = await self._database.read(call.principal, work)
        last = rows[-1]["number"] if rows else number
        return [row["body"] for row in rows], last, more or len(rows) == _AT_ONCE

    async def append(self, response_id: str, rows: Sequence[Json], call: Call) -> None:
        """Write entries.

        Raises:
            Superseded: The response is not being made any more.
            Duplicate: Somebody else makes it.
        """

        def work(unit: Owned) -> None:
            row = unit.get(RESPONSES, response_id, lock=True)
            if row is None or row["status"] not in UNDER_WAY:
                raise Superseded(response_id)
            unit.insert(ENTRIES, *rows, under=row)

        await self._database.write(call.principal, work)

    async def finish(self, scribe: Scribe, rows: Sequence[Json], size: int, call: Call) -> None:
        """Write down how a response has ended, with its last entries.

        What it takes is counted, and is not refused any more: it is there.

        Args:
            scribe: Has written it.
            rows: Its last entries.
            size: How much room all of its entries take.
            call: On whose behalf.

        Raises:
            Superseded: It had ended before.
        """
        response = scribe.response

        def work(unit: Owned) -> None:
            row = unit.get(RESPONSES, response["id"], lock=True)
            if row is None or row["status"] not in UNDER_WAY:
                raise Superseded(response["id"])
            items = item_rows(Link(row["id"], row["branch"], row["depth"]), scribe.output, output=True)
            finish_row(unit, row, response, size + sum(size_of(item["body"]) for item in items))
            unit.insert(ITEMS, *items, under=row)
            unit.insert(ENTRIES, *rows, under=row)

        await self._database.write(call.principal, work)


class RowLedger:
    """A ledger of rows.

    Args:
        entries: Where they are written.
        scribe: Whose events they are.
        written: What there is.
        call: On whose behalf.
    """

    def __init__(self, entries: Entries, scribe: Scribe, written: Written, call: Call) -> None:
        self._entries = entries
        self._scribe = scribe
        self._steps = written.steps
        self._next = written.next
        self._size = written.bytes
        self._call = call

    def recall(self, step: str) -> Json | None:
        """See :meth:`Ledger.recall`."""
        return self._steps.get(step)

    async def record(self, step: str, result: Json) -> None:
        """See :meth:`Ledger.record`: both in one transaction, so a step is there with its events or not at all."""
        await self._write(self.rows(step, result))

    def rows(self, step: str, result: Json) -> list[Json]:
        """The events so far and a step, as rows that whoever gets them writes."""
        return [*self._events(), self._row(None, step, result)]

    async def flush(self) -> None:
        """Write the events so far."""
        rows = self._events()
        if rows:
            await self._write(rows)

    async def finish(self) -> None:
        """Write down how the response has ended."""
        rows = self._events()
        await self._entries.finish(self._scribe, rows, self._size, self._call)

    async def _write(self, rows: Sequence[Json]) -> None:
        await self._entries.append(self._scribe.response["id"], rows, self._call)

    def _events(self) -> list[Json]:
        return [self._row(event["sequence_number"], None, event) for event in self._scribe.take()]

    def _row(self, number: int | None, step: str | None, body: Any) -> Json:
        position, self._next = self._next, self._next + 1
        text = to_json(body).decode()
        self._size += size_of(text)
        response_id = self._scribe.response["id"]
        return {
            "id": f"{response_id}:{position}",
            "response_id": response_id,
            "position": position,
            "number": number,
            "step": step,
            "body": text,
        }

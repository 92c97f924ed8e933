"""Responses as rows: each with its own items and its parent's id."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, RowMapping

from dinrail_core.api.call import Call
from dinrail_core.api.items.including import as_asked
from dinrail_core.api.responses import InputItemsQuery, ListResponsesQuery
from dinrail_core.errors import Conflict, InvalidRequest, NotFound
from dinrail_responses.tables import ENTRIES, ITEMS, RESPONSES
from dinrail_responses.tools.interface import Json
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.quota import check_room
from dinrail_sdk.sql.units import Owned, Page

__all__ = ["UNDER_WAY", "Kept", "Link", "Store", "finish_row", "item_rows", "size_of"]

Conditions: TypeAlias = list[ColumnElement[bool]]

UNDER_WAY = frozenset({"queued", "in_progress"})
"""The states of a response that is still being made."""


@dataclass(frozen=True, slots=True)
class Link:
    """A response's place in its chain."""

    response_id: str
    branch: str
    depth: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A response as it is kept.

    Attributes:
        response: The response without its output.
        output: Items, whole.
        background: Whether it is, or was, made in the background.
        job_id: The job that makes it.
        input: What it was given.
    """

    response: Json
    output: Sequence[Json]
    background: bool
    job_id: str | None
    input: Sequence[Json] = ()

    def told(self, include: Collection[str]) -> bytes:
        """The response as JSON text."""
        items = [as_asked(to_json(item).decode(), item["type"], include) for item in self.output]
        head = to_json({**self.response, "output": []})
        return head.replace(b'"output":[]', b'"output":[%b]' % ",".join(items).encode(), 1) if items else head


class Store:
    """Keeps responses.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def history(self, response_id: str, call: Call) -> tuple[Link, list[Json]]:
        """A response's place in its chain, and all items from the chain's begin to it.

        Raises:
            InvalidRequest: There is none of this id, or it is still being made; ``param`` is ``previous_response_id``.
                A field of the request is wrong then, and not its path: OpenAI and Open Responses answer 400.
        """

        def work(unit: Owned) -> tuple[Link, list[str]]:
            row = unit.get(RESPONSES, response_id)
            if row is None or row["body"] is None:
                raise InvalidRequest(
                    f"Previous response with id '{response_id}' not found.",
                    param="previous_response_id",
                    code="previous_response_not_found",
                )
            if row["status"] in UNDER_WAY:
                raise InvalidRequest(f"The response '{response_id}' is still being made.", param="previous_response_id")
            return Link(response_id, row["branch"], row["depth"]), _chain(unit, row)

        link, texts = await self._database.read(call.principal, work)
        return link, [from_json(text) for text in texts]

    async def keep(self, kept: Kept, parent: Link | None, call: Call, entries: Sequence[Json] = ()) -> None:
        """Write a new response down, with its items and the rows of what it has written.

        Raises:
            Conflict: There is one of its id: another try of the same request was faster.
            RateLimited: There is no room for it.
        """
        response_id, body = kept.response["id"], _text(kept.response)

        def work(unit: Owned, *, fork: bool = False) -> None:
            link, fork_branch = _place(unit, response_id, parent, fork=fork)
            rows = [*item_rows(link, kept.input, output=False), *item_rows(link, kept.output, output=True)]
            size = size_of(body) + sum(size_of(item["body"]) for item in rows)
            check_room(unit, call, size)
            row = {
                "id": response_id,
                "created_at": kept.response["created_at"],
                "model": kept.response["model"],
                "status": kept.response["status"],
                "background": kept.background,
                "parent_id": parent.response_id if parent is not None else None,
                "branch": link.branch,
                "depth": link.depth,
                "fork_branch": fork_branch,
                "job_id": kept.job_id,
                "body": body,
                "bytes": size,
            }
            unit.insert(RESPONSES, row)
            unit.insert(ITEMS, *rows)
            unit.insert(ENTRIES, *entries)

        try:
            await self._database.write(call.principal, work)
        except Duplicate:
            try:  # somebody else has gone on from the same parent at this moment
                await self._database.write(call.principal, lambda unit: work(unit, fork=True))
            except Duplicate:
                raise Conflict("Another try of this request was faster.", code="idempotency_in_progress") from None

    async def check_room(self, items: Sequence[Json], call: Call) -> None:
        """See that there is room for a response to these items, before anybody is asked for it.

        Raises:
            RateLimited: There is not.
        """
        if call.storage_limit is not None:
            size = sum(len(to_json(item)) for item in items) + 1
            await self._database.read(call.principal, lambda unit: check_room(unit, call, size))

    async def mark(self, response: Json, call: Call, *, job_id: str | None = None) -> bool:
        """Write down how a response stands that is being made."""
        values: Json = {"status": response["status"], "body": _text(response)}
        if job_id is not None:
            values["job_id"] = job_id

        def work(unit: Owned) -> bool:
            here = (RESPONSES.c.id == response["id"], RESPONSES.c.status.in_(sorted(UNDER_WAY)))
            return unit.update(RESPONSES, values, *here) > 0

        return await self._database.write(call.principal, work)

    async def get(self, response_id: str, call: Call) -> Kept:
        """One response.

        Raises:
            NotFound: There is none of this id.
        """

        def work(unit: Owned) -> tuple[RowMapping, Sequence[RowMapping]]:
            row = _existing(unit, response_id)
            return row, unit.select(ITEMS, ITEMS.c.response_id == response_id, order_by=(ITEMS.c.position,))

        row, items = await self._database.read(call.principal, work)
        bodies = [(item["output"], from_json(item["body"])) for item in items]
        return Kept(
            from_json(row["body"]),
            [item for output, item in bodies if output],
            row["background"],
            row["job_id"],
            [item for output, item in bodies if not output],
        )

    async def find(self, response_id: str, call: Call) -> Kept | None:
        """One response; ``None`` where there never was one of this id.

        Raises:
            NotFound: It was deleted.
        """
        row = await self._database.read(call.principal, lambda unit: unit.get(RESPONSES, response_id))
        if row is None:
            return None
        if row["body"] is None:
            raise NotFound(f"The response '{response_id}', which this request has made, was deleted.")
        return await self.get(response_id, call)

    async def delete(self, response_id: str, call: Call) -> str | None:
        """Remove a response; its place stays, for those that went on from it. Returns the job that makes it."""

        def work(unit: Owned) -> str | None:
            row = unit.get(RESPONSES, response_id, lock=True)
            if row is None or row["body"] is None:
                raise _missing(response_id)
            unit.delete(ITEMS, ITEMS.c.response_id == response_id)
            unit.delete(ENTRIES, ENTRIES.c.response_id == response_id)
            unit.update(RESPONSES, {"body": None, "bytes": 0, "status": "deleted"}, RESPONSES.c.id == response_id)
            job_id: str | None = row["job_id"]
            return job_id if row["status"] in UNDER_WAY else None

        return await self._database.write(call.principal, work)

    async def input_items(self, response_id: str, query: InputItemsQuery, call: Call) -> bytes:
        """A part of a response's input, as JSON text."""
        include = frozenset(query.include) if isinstance(query.include, list) else frozenset()

        def work(unit: Owned) -> tuple[Sequence[RowMapping], bool]:
            _existing(unit, response_id)
            here = (ITEMS.c.response_id == response_id, ITEMS.c.output.is_(False))
            after, before = (
                _position(unit, response_id, cursor, name) if isinstance(cursor, str) else None
                for name, cursor in (("after", query.after), ("before", query.before))
            )
            page = unit.page(ITEMS, Page(query.limit, query.order, after, before), *here, key=ITEMS.c.position)
            return page.rows, page.has_more

        rows, has_more = await self._database.read(call.principal, work)
        texts = [as_asked(row["body"], row["kind"], include) for row in rows]
        return _listed([row["item_id"] for row in rows], texts, has_more)

    async def list(self, query: ListResponsesQuery, call: Call) -> bytes:
        """The caller's responses, as JSON text."""

        def work(unit: Owned) -> tuple[Sequence[RowMapping], Sequence[RowMapping], bool]:
            here: Conditions = [RESPONSES.c.body.is_not(None)]
            if isinstance(query.model, str):
                here.append(RESPONSES.c.model == query.model)
            after = query.after if isinstance(query.after, str) else None
            page = unit.page(RESPONSES, Page(query.limit, query.order, after), *here)
            ids = [row["id"] for row in page.rows]
            of_them = (ITEMS.c.response_id.in_(ids), ITEMS.c.output.is_(True))
            items = unit.select(ITEMS, *of_them, order_by=(ITEMS.c.position,)) if ids else []
            return page.rows, items, page.has_more

        rows, items, has_more = await self._database.read(call.principal, work)
        outputs: dict[str, list[Json]] = {row["id"]: [] for row in rows}
        for item in items:
            outputs[item["response_id"]].append(from_json(item["body"]))
        texts = [
            Kept(from_json(row["body"]), outputs[row["id"]], row["background"], None).told(()).decode() for row in rows
        ]
        return _listed([row["id"] for row in rows], texts, has_more)

    async def find_items(self, item_ids: Collection[str], call: Call) -> Mapping[str, Json]:
        """Items of any of the caller's responses, by their ids."""
        wanted = [item_id for item_id in item_ids if "\0" not in item_id]

        def work(unit: Owned) -> Sequence[RowMapping]:
            return unit.select(ITEMS, ITEMS.c.item_id.in_(wanted), order_by=(ITEMS.c.id,))

        rows = await self._database.read(call.principal, work) if wanted else []
        return {row["item_id"]: from_json(row["body"]) for row in rows}


def _chain(unit: Owned, row: RowMapping) -> list[str]:
    """The texts of all items up to a response, branch by branch."""
    branch, depth = row["branch"], row["depth"]
    parts: list[Sequence[RowMapping]] = []
    while True:
        here = (ITEMS.c.branch == branch, ITEMS.c.depth <= depth)
        parts.append(unit.select(ITEMS, *here, order_by=(ITEMS.c.depth, ITEMS.c.output, ITEMS.c.position)))
        first = unit.get(RESPONSES, branch)
        if first is None or first["fork_branch"] is None:
            return [item["body"] for part in reversed(parts) for item in part]
        branch, depth = first["fork_branch"], first["depth"] - 1


def _place(unit: Owned, response_id: str, parent: Link | None, *, fork: bool) -> tuple[Link, str | None]:
    if parent is None:
        return Link(response_id, response_id, 0), None
    next_one = (RESPONSES.c.branch == parent.branch, RESPONSES.c.depth == parent.depth + 1)
    if fork or unit.first(RESPONSES, *next_one) is not None:
        return Link(response_id, response_id, parent.depth + 1), parent.branch
    return Link(response_id, parent.branch, parent.depth + 1), None


def finish_row(unit: Owned, row: RowMapping, response: Json, more: int) -> None:
    """Write down how a response has ended, and that it takes so many bytes more than when it began."""
    body = _text(response)
    more += max(0, size_of(body) - size_of(row["body"]))
    values = {"status": response["status"], "body": body, "bytes": row["bytes"] + more}
    unit.update(RESPONSES, values, RESPONSES.c.id == response["id"])


def size_of(text: str) -> int:
    """How much room a text takes."""
    return len(text.encode())


def item_rows(link: Link, items: Sequence[Json], *, output: bool) -> list[dict[str, Any]]:
    """Items as rows of a response's."""
    side = "o" if output else "i"
    return [
        {
            "id": f"{link.response_id}:{side}{position}",
            "response_id": link.response_id,
            "branch": link.branch,
            "depth": link.depth,
            "position": position,
            "output": output,
            "item_id": item["id"],
            "kind": item["type"],
            "body": to_json(item).decode(),
        }
        for position, item in enumerate(items)
    ]


def _existing(unit: Owned, response_id: str) -> RowMapping:
    row = unit.get(RESPONSES, response_id)
    if row is None or row["body"] is None:
        raise _missing(response_id)
    return row


def _missing(response_id: str) -> NotFound:
    return NotFound(f"Response with id '{response_id}' not found.", param="response_id")


def _position(unit: Owned, response_id: str, cursor: str, param: str) -> int:
    here = (ITEMS.c.response_id == response_id, ITEMS.c.output.is_(False), ITEMS.c.item_id == cursor)
    row = unit.first(ITEMS, *here) if "\0" not in cursor else None
    if row is None:
        raise InvalidRequest(f"'{cursor}' is no item of the response's input.", param=param)
    position: int = row["position"]
    return position


def _text(response: Json) -> str:
    return to_json(response).decode()


def _listed(ids: Sequence[str], texts: Sequence[str], has_more: bool) -> bytes:
    ends = to_json({"first_id": ids[0] if ids else "", "last_id": ids[-1] if ids else "", "has_more": has_more})
    return b'{"object":"list","data":[' + ",".join(texts).encode() + b"]," + ends[1:]

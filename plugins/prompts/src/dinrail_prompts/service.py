"""Prompts as rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import RowMapping

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import Call
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.prompts import CreatePrompt, Prompt, PromptList, Prompts, UpdatePrompt, check_variables
from dinrail_core.errors import Conflict, NotFound
from dinrail_prompts.tables import PROMPTS, VERSIONS
from dinrail_sdk.sql.contract import Database, Duplicate
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.sql.quota import check_room
from dinrail_sdk.sql.units import Owned, page_of

__all__ = ["PromptService"]


class PromptService(Prompts):
    """Keeps prompts in the database.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, request: CreatePrompt, call: Call) -> Answer[Prompt]:
        variables = _declared(request)
        prompt_id = new_id("pmpt_", call.seed)

        version = _version(prompt_id, 1, request.prompt, variables)

        def work(unit: Owned) -> None:
            check_room(unit, call, version["bytes"])
            unit.insert(PROMPTS, {"id": prompt_id, "default_version": 1, "latest_version": 1})
            unit.insert(VERSIONS, version)

        try:
            await self._database.write(call.principal, work)
        except Duplicate:
            if call.seed is None:
                raise
            return await self.get(prompt_id, 1, call)  # an earlier try of the same request has made it
        return _answer(prompt_id, 1, request.prompt, variables, is_default=True)

    async def list(self, page: ListQuery, call: Call) -> Answer[PromptList]:
        def work(unit: Owned) -> PromptList:
            found = unit.page(PROMPTS, page_of(page))
            keys = [_key(row["id"], row["default_version"]) for row in found.rows]
            texts = {row["prompt_id"]: row for row in unit.select(VERSIONS, VERSIONS.c.id.in_(keys))}
            data = [_wire(texts[row["id"]], is_default=True) for row in found.rows]
            return _list(data, has_more=found.has_more)

        return Answer.of(await self._database.read(call.principal, work))

    async def get(self, prompt_id: str, version: int | None, call: Call) -> Answer[Prompt]:
        def work(unit: Owned) -> Prompt:
            prompt = _existing(unit, prompt_id)
            wanted = prompt["default_version"] if version is None else version
            return _wire(_existing_version(unit, prompt_id, wanted), is_default=wanted == prompt["default_version"])

        return Answer.of(await self._database.read(call.principal, work))

    async def versions(self, prompt_id: str, call: Call) -> Answer[PromptList]:
        def work(unit: Owned) -> PromptList:
            default = _existing(unit, prompt_id)["default_version"]
            rows = unit.select(VERSIONS, VERSIONS.c.prompt_id == prompt_id, order_by=(VERSIONS.c.version,))
            return _list([_wire(row, is_default=row["version"] == default) for row in rows], has_more=False)

        return Answer.of(await self._database.read(call.principal, work))

    async def update(self, prompt_id: str, request: UpdatePrompt, call: Call) -> Answer[Prompt]:
        variables = _declared(request)

        def work(unit: Owned) -> int:
            prompt = _existing(unit, prompt_id, lock=True)
            if request.version != prompt["latest_version"]:
                raise Conflict(
                    f"The newest version is {prompt['latest_version']}, not {request.version}.", param="version"
                )
            version = request.version + 1
            row = _version(prompt_id, version, request.prompt, variables)
            check_room(unit, call, row["bytes"])
            unit.insert(VERSIONS, row, under=prompt)
            default = version if request.set_as_default else prompt["default_version"]
            unit.change(PROMPTS, prompt_id, {"latest_version": version, "default_version": default})
            return version

        version = await self._database.write(call.principal, work)
        return _answer(prompt_id, version, request.prompt, variables, is_default=request.set_as_default)

    async def set_default(self, prompt_id: str, version: int, call: Call) -> Answer[Prompt]:
        def work(unit: Owned) -> Prompt:
            _existing(unit, prompt_id, lock=True)
            found = _existing_version(unit, prompt_id, version)
            unit.change(PROMPTS, prompt_id, {"default_version": version})
            return _wire(found, is_default=True)

        return Answer.of(await self._database.write(call.principal, work))

    async def delete(self, prompt_id: str, call: Call) -> None:
        def work(unit: Owned) -> None:
            _existing(unit, prompt_id, lock=True)
            unit.delete(VERSIONS, VERSIONS.c.prompt_id == prompt_id)
            unit.delete(PROMPTS, PROMPTS.c.id == prompt_id)

        await self._database.write(call.principal, work)


def _declared(request: CreatePrompt | UpdatePrompt) -> Sequence[str]:
    declared = list(dict.fromkeys(request.variables)) if isinstance(request.variables, list) else []
    check_variables(request.prompt, declared)
    return declared


def _key(prompt_id: str, version: int) -> str:
    return f"{prompt_id}:{version}"


def _version(prompt_id: str, version: int, text: str, variables: Sequence[str]) -> dict[str, Any]:
    return {
        "id": _key(prompt_id, version),
        "prompt_id": prompt_id,
        "version": version,
        "text": text,
        "variables": list(variables),
        "created_at": int(time.time()),
        "bytes": len(text.encode()),
    }


def _existing(unit: Owned, prompt_id: str, *, lock: bool = False) -> RowMapping:
    found = unit.get(PROMPTS, prompt_id, lock=lock)
    if found is None:
        raise NotFound(f"There is no prompt '{prompt_id}'.", param="prompt_id")
    return found


def _existing_version(unit: Owned, prompt_id: str, version: int) -> RowMapping:
    found = unit.get(VERSIONS, _key(prompt_id, version))
    if found is None:
        raise NotFound(f"The prompt '{prompt_id}' has no version {version}.", param="version")
    return found


def _wire(row: RowMapping, *, is_default: bool) -> Prompt:
    return Prompt(
        prompt=row["text"],
        version=row["version"],
        prompt_id=row["prompt_id"],
        variables=row["variables"],
        is_default=is_default,
    )


def _answer(prompt_id: str, version: int, text: str, variables: Sequence[str], *, is_default: bool) -> Answer[Prompt]:
    return Answer.of(
        Prompt(prompt=text, version=version, prompt_id=prompt_id, variables=list(variables), is_default=is_default)
    )


def _list(data: Sequence[Prompt], *, has_more: bool) -> PromptList:
    return PromptList(
        data=list(data),
        first_id=data[0].prompt_id if data else None,
        last_id=data[-1].prompt_id if data else None,
        has_more=has_more,
    )

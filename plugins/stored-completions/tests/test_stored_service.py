"""Stored completions as a service: owners, room, rows, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.stored_completions import (
    StoredCompletions,
    StoredCompletionsQuery,
    StoredMessagesQuery,
    UpdateStoredCompletion,
)
from dinrail_core.errors import NotFound, RateLimited
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import open_rail

PLUGINS = ("database", "openai-compatible", "stored-completions")
ANN = Call(Principal("acme", "ann"), "req_1")
FOREIGN = [Call(Principal("acme", "bob")), Call(Principal("acme")), Call(Principal("other", "ann"))]
EVERYTHING = StoredCompletionsQuery(limit=100)


def asked(text: str = "Hello.", **more: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": text}], **more})


def answer(completion_id: str, text: str = "Hi.") -> Mapping[str, Any]:
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {"id": completion_id, "object": "chat.completion", "created": 5, "model": "m-1", "choices": [choice]}


async def kept(completions: StoredCompletions, call: Call = ANN, text: str = "Hi.", **more: Any) -> str:
    completion_id = await completions.begin(call)
    await completions.keep(asked(**more), answer(completion_id, text), call)
    return completion_id


async def ids(completions: StoredCompletions, call: Call = ANN) -> list[str]:
    return [one.id for one in (await completions.list(EVERYTHING, call)).value.data]


async def test_what_somebody_else_has_does_not_exist(completions: StoredCompletions) -> None:
    found = await kept(completions, metadata={"a": "b"})
    for other in FOREIGN:
        assert await ids(completions, other) == []
        for attempt in (
            completions.get(found, other),
            completions.update(found, UpdateStoredCompletion(metadata={}), other),
            completions.delete(found, other),
            completions.messages(found, StoredMessagesQuery(), other),
        ):
            with pytest.raises(NotFound) as missing:
                await attempt
            assert missing.value.param == "completion_id"
    assert (await completions.get(found, ANN)).value.metadata == {"a": "b"}


async def test_what_was_begun_and_not_kept_leaves_nothing(completions: StoredCompletions) -> None:
    begun = await completions.begin(ANN)
    assert await ids(completions) == []
    with pytest.raises(NotFound):
        await completions.get(begun, ANN)


async def test_it_survives_a_restart_and_a_second_process_sees_it(config: dict[str, Any]) -> None:
    async with open_rail(plugins=PLUGINS, config=config) as one, open_rail(plugins=PLUGINS, config=config) as two:
        found = await kept(await one.service(StoredCompletions))
        assert await ids(await two.service(StoredCompletions)) == [found]
    async with open_rail(plugins=PLUGINS, config=config) as again:
        assert await ids(await again.service(StoredCompletions)) == [found]


async def test_deleting_leaves_no_row(config: dict[str, Any]) -> None:
    async with open_rail(plugins=PLUGINS, config=config) as rail:
        completions, database = await rail.service(StoredCompletions), await rail.service(Database)
        found = await kept(completions, text="a secret", metadata={"a": "b"})
        await completions.delete(found, ANN)

        def rows(connection: Any) -> list[int]:
            return [
                connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
                for table in ("chat_completions", "chat_completion_inputs")
            ]

        assert await database.sweep(rows) == [0, 0]


async def test_room_is_held_to_and_given_back(completions: StoredCompletions) -> None:
    limited = Call(Principal("acme", "ann"), storage_limit=2000)
    first = await kept(completions, limited)
    second = await completions.begin(limited)
    with pytest.raises(RateLimited) as refused:
        await completions.keep(asked("x" * 2000), answer(second), limited)
    assert refused.value.code == "insufficient_quota"
    assert await ids(completions) == [first]
    for _ in range(2):
        third = await completions.begin(limited)
        await completions.keep(asked("x" * 200), answer(third), limited)
        with pytest.raises(RateLimited):
            await completions.update(third, UpdateStoredCompletion(metadata={"k": "v" * 500, "l": "v" * 500}), limited)
        await completions.delete(third, limited)
    with pytest.raises(RateLimited):
        await completions.begin(Call(Principal("acme", "ann"), storage_limit=10))


async def test_pages_stay_good_while_completions_come_and_go(completions: StoredCompletions) -> None:
    made = [await kept(completions) for _ in range(5)]
    first = (await completions.list(StoredCompletionsQuery(limit=2), ANN)).value
    assert ([one.id for one in first.data], first.has_more, first.last_id) == (made[:2], True, made[1])
    await completions.delete(made[1], ANN)
    await completions.delete(made[2], ANN)
    later = await kept(completions)
    second = (await completions.list(StoredCompletionsQuery(limit=10, after=made[1]), ANN)).value
    assert ([one.id for one in second.data], second.has_more) == ([made[3], made[4], later], False)


async def test_many_at_once_are_all_kept(completions: StoredCompletions) -> None:
    made = await asyncio.gather(*(kept(completions, text=f"{number} é\0\u2028") for number in range(40)))
    assert sorted(await ids(completions)) == sorted(made)
    texts = [one.choices[0].message.content for one in (await completions.list(EVERYTHING, ANN)).value.data]
    assert sorted(texts, key=str) == sorted((f"{number} é\0\u2028" for number in range(40)), key=str)

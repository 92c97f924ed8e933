"""The contract ``Prompts``, over both databases."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.prompts import CreatePrompt, Prompt, Prompts, UpdatePrompt
from dinrail_core.errors import Conflict, InvalidRequest, NotFound

ANN = Call(Principal("acme", "ann"))
STRANGERS = [Call(Principal("acme", "bob")), Call(Principal("evil", "ann")), Call(Principal("acme"))]


async def create(prompts: Prompts, text: str = "Hello {{name}}!", *variables: str, call: Call = ANN) -> Prompt:
    declared = list(variables) or (["name"] if "{{name}}" in text else [])
    return (await prompts.create(CreatePrompt(prompt=text, variables=declared), call)).value


async def listed(prompts: Prompts, call: Call = ANN, **query: Any) -> list[Prompt]:
    return (await prompts.list(ListQuery(**query), call)).value.data


async def test_a_new_prompt_is_version_1_and_the_default(prompts: Prompts) -> None:
    made = await create(prompts)
    assert re.fullmatch(r"pmpt_[0-9a-f]{48}", made.prompt_id)
    assert made.model_dump() == {
        "prompt": "Hello {{name}}!",
        "version": 1,
        "prompt_id": made.prompt_id,
        "variables": ["name"],
        "is_default": True,
    }
    assert (await prompts.get(made.prompt_id, None, ANN)).value == made


async def test_versions_never_change(prompts: Prompts) -> None:
    made = await create(prompts, "one")
    for version, text in ((1, "two"), (2, "three")):
        await prompts.update(made.prompt_id, UpdatePrompt(prompt=text, version=version), ANN)
    found = (await prompts.versions(made.prompt_id, ANN)).value.data
    assert [(one.version, one.prompt, one.is_default) for one in found] == [
        (1, "one", False),
        (2, "two", False),
        (3, "three", True),
    ]


async def test_an_update_may_leave_the_default_where_it_is(prompts: Prompts) -> None:
    made = await create(prompts, "one")
    update = UpdatePrompt(prompt="two", version=1, set_as_default=False)
    assert (await prompts.update(made.prompt_id, update, ANN)).value.is_default is False
    assert (await prompts.get(made.prompt_id, None, ANN)).value.prompt == "one"
    assert (await prompts.get(made.prompt_id, 2, ANN)).value.is_default is False
    assert (await prompts.set_default(made.prompt_id, 2, ANN)).value.is_default is True
    assert (await prompts.get(made.prompt_id, None, ANN)).value.prompt == "two"
    assert [one.version for one in await listed(prompts)] == [2]


@pytest.mark.parametrize("based_on", [1, 3, 99])
async def test_an_update_that_is_not_based_on_the_newest_version_is_a_conflict(prompts: Prompts, based_on: int) -> None:
    made = await create(prompts, "one")
    await prompts.update(made.prompt_id, UpdatePrompt(prompt="two", version=1), ANN)
    with pytest.raises(Conflict, match="newest version is 2") as caught:
        await prompts.update(made.prompt_id, UpdatePrompt(prompt="x", version=based_on), ANN)
    assert caught.value.param == "version"
    assert len((await prompts.versions(made.prompt_id, ANN)).value.data) == 2


async def test_of_twenty_updates_of_one_version_exactly_one_wins(prompts: Prompts) -> None:
    made = await create(prompts, "first")
    for version in (1, 2):
        updates = [UpdatePrompt(prompt=f"{version} by {number}", version=version) for number in range(20)]
        outcomes = await asyncio.gather(
            *(prompts.update(made.prompt_id, update, ANN) for update in updates), return_exceptions=True
        )
        won = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
        assert len(won) == 1
        assert all(isinstance(outcome, Conflict) for outcome in outcomes if isinstance(outcome, BaseException))
        newest = (await prompts.get(made.prompt_id, None, ANN)).value
        assert newest == won[0].value
        assert newest.version == version + 1


@pytest.mark.parametrize(
    ("text", "declared", "words"),
    [
        ("Hello {{name}}", [], "not declared: name"),
        ("Hello {{name}} {{ other }}", ["name"], "not declared: other"),
        ("Hello", ["name"], "does not use: name"),
        ("Hello {{ name }}", ["name", "age"], "does not use: age"),
        ("Hello {{Name}}", ["name"], "not declared: Name"),
    ],
)
async def test_variables_are_checked_both_ways(prompts: Prompts, text: str, declared: list[str], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        await prompts.create(CreatePrompt(prompt=text, variables=declared), ANN)
    assert caught.value.param == "variables"
    made = await create(prompts, "x")
    with pytest.raises(InvalidRequest, match=words):
        await prompts.update(made.prompt_id, UpdatePrompt(prompt=text, version=1, variables=declared), ANN)
    assert [one.prompt for one in await listed(prompts)] == ["x"]


@pytest.mark.parametrize(
    "text",
    [
        "{{7*7}}",
        "{{ 7 * 7 }} {{config.items()}} {% for x in y %} ${x} #{x} %s %(x)s {0} {x}",
        "{{}} {{ }} {{1a}} {{a-b}} {{a b}} }}{{ {{{{",
        "'; DROP TABLE prompts; --",
        "日本語 \U0001f600 \u202e \r\n\t\\",
        " ",
        "x" * 1_000_000,
    ],
    ids=lambda text: text[:20],
)
async def test_text_comes_out_as_it_went_in(prompts: Prompts, text: str) -> None:
    made = await create(prompts, text)
    assert (await prompts.get(made.prompt_id, None, ANN)).value.prompt == text


async def test_a_variable_that_is_declared_twice_is_one(prompts: Prompts) -> None:
    assert (await create(prompts, "{{b}} {{a}} {{b}}", "b", "a", "b")).variables == ["b", "a"]


async def test_a_deleted_prompt_is_gone_with_all_its_versions(prompts: Prompts) -> None:
    made, other = await create(prompts, "one"), await create(prompts, "other")
    await prompts.update(made.prompt_id, UpdatePrompt(prompt="two", version=1), ANN)
    await prompts.delete(made.prompt_id, ANN)
    assert await listed(prompts) == [other]
    for operation in OPERATIONS.values():
        with pytest.raises(NotFound):
            await operation(prompts, made.prompt_id, ANN)


OPERATIONS: dict[str, Callable[[Prompts, str, Call], Awaitable[Any]]] = {
    "get": lambda prompts, key, call: prompts.get(key, None, call),
    "get a version": lambda prompts, key, call: prompts.get(key, 1, call),
    "versions": lambda prompts, key, call: prompts.versions(key, call),
    "update": lambda prompts, key, call: prompts.update(key, UpdatePrompt(prompt="taken", version=1), call),
    "update wrongly": lambda prompts, key, call: prompts.update(key, UpdatePrompt(prompt="taken", version=9), call),
    "set default": lambda prompts, key, call: prompts.set_default(key, 1, call),
    "set default wrongly": lambda prompts, key, call: prompts.set_default(key, 9, call),
    "delete": lambda prompts, key, call: prompts.delete(key, call),
}


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_foreign_prompt_is_exactly_a_missing_one(prompts: Prompts, operation: str) -> None:
    made = await create(prompts, "mine")
    missing = made.prompt_id[:-1] + ("0" if made.prompt_id[-1] != "0" else "1")
    for stranger in STRANGERS:
        said = []
        for key in (made.prompt_id, missing):
            with pytest.raises(NotFound) as caught:
                await OPERATIONS[operation](prompts, key, stranger)
            said.append((caught.value.message.replace(key, "ID"), caught.value.param, caught.value.code))
        assert said[0] == said[1]
        assert await listed(prompts, stranger) == []
    assert (await prompts.get(made.prompt_id, None, ANN)).value == made


@pytest.mark.parametrize("key", ["", "pmpt_", "x" * 1_000, "a\0b", "'", "%", "é"])
async def test_an_id_of_any_form_that_does_not_exist_is_missing(prompts: Prompts, key: str) -> None:
    for operation in OPERATIONS.values():
        with pytest.raises(NotFound):
            await operation(prompts, key, ANN)


@pytest.mark.parametrize("version", [2, 2**31, 2**63, 10**30])
async def test_a_version_that_does_not_exist_is_missing_however_large(prompts: Prompts, version: int) -> None:
    made = await create(prompts, "x")
    with pytest.raises(NotFound) as caught:
        await prompts.get(made.prompt_id, version, ANN)
    assert caught.value.param == "version"
    with pytest.raises(NotFound):
        await prompts.set_default(made.prompt_id, version, ANN)


async def test_lists_come_in_pages_the_newest_first(prompts: Prompts) -> None:
    made = [await create(prompts, f"text {number}") for number in range(7)]
    await create(prompts, "another's", call=STRANGERS[0])
    seen: list[Prompt] = []
    after: dict[str, Any] = {}
    while True:
        page = (await prompts.list(ListQuery(limit=3, **after), ANN)).value
        seen += page.data
        assert (page.first_id, page.last_id) == (page.data[0].prompt_id, page.data[-1].prompt_id)
        if not page.has_more:
            break
        after = {"after": page.data[-1].prompt_id}
    assert seen == made[::-1]
    assert await listed(prompts, order="asc", limit=2, after=made[2].prompt_id) == made[3:5]
    assert await listed(prompts, order="asc", before=made[2].prompt_id) == made[:2]


async def test_a_list_without_prompts_is_empty(prompts: Prompts) -> None:
    page = (await prompts.list(ListQuery(), ANN)).value
    assert page.model_dump() == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


async def test_prompts_may_be_deleted_while_they_are_listed(prompts: Prompts) -> None:
    async def come_and_go() -> None:
        for _ in range(15):
            made = await create(prompts, "fleeting")
            await prompts.delete(made.prompt_id, ANN)

    async def look() -> None:
        for _ in range(30):
            assert all(one.prompt == "fleeting" for one in await listed(prompts))

    await asyncio.gather(*(come_and_go() for _ in range(4)), *(look() for _ in range(4)))

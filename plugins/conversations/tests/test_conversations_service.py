"""What the contract promises, on both databases."""

from __future__ import annotations

import asyncio
import itertools
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

sys.path.insert(0, str(Path(__file__).parent))

from talk import ANN, BOB, OTHER, add, begin, heard, listed, message, text_of

from dinrail_core.api.call import Call
from dinrail_core.api.conversations import (
    Conversations,
    CreateConversation,
    CreateItems,
    ItemQuery,
    UpdateConversation,
)
from dinrail_core.api.items.unions import Item
from dinrail_core.errors import InvalidRequest, NotFound

ITEM: TypeAdapter[Item] = TypeAdapter(Item)


def item_of(text: str, item_id: str) -> Item:
    content = [{"type": "input_text", "text": text}]
    return ITEM.validate_python(
        {"type": "message", "id": item_id, "role": "user", "status": "completed", "content": content}
    )


async def test_a_conversation_is_what_was_said_in_order(conversations: Conversations) -> None:
    found = await begin(conversations, "a", "b")
    await add(conversations, found, message("c"), message("d"))

    page = await listed(conversations, found)

    assert [text_of(item) for item in page["data"]] == ["a", "b", "c", "d"]
    assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
    assert not page["has_more"]
    assert [text_of(item) for item in await heard(conversations, found)] == ["a", "b", "c", "d"]


async def test_metadata_are_replaced_as_a_whole(conversations: Conversations) -> None:
    made = (await conversations.create(CreateConversation(metadata={"a": "1", "b": "2"}), ANN)).value
    assert (await conversations.get(made.id, ANN)).value == made
    changed = (await conversations.update(made.id, UpdateConversation(metadata={"c": "\u0000é"}), ANN)).value
    assert changed == made.model_copy(update={"metadata": {"c": "\u0000é"}})
    assert (await conversations.get(made.id, ANN)).value == changed
    assert (await conversations.update(made.id, UpdateConversation(metadata=None), ANN)).value.metadata == {}


async def test_a_deleted_conversation_leaves_nothing(conversations: Conversations) -> None:
    found = await begin(conversations, "a")
    (item_id,) = await add(conversations, found, message("b"))
    deleted = (await conversations.delete(found, ANN)).value
    assert (deleted.id, deleted.object, deleted.deleted) == (found, "conversation.deleted", True)
    for missing in (
        conversations.get(found, ANN),
        conversations.delete(found, ANN),
        listed(conversations, found),
        add(conversations, found, message("c")),
        conversations.get_item(found, item_id, ItemQuery(), ANN),
        heard(conversations, found),
    ):
        with pytest.raises(NotFound) as refused:
            await missing
        assert refused.value.param == "conversation_id"
    assert await conversations.find_items([item_id], ANN) == {}


@pytest.mark.parametrize("call", [BOB, OTHER], ids=["user", "tenant"])
async def test_somebody_elses_conversation_does_not_exist(conversations: Conversations, call: Call) -> None:
    found = await begin(conversations, "a")
    (item_id,) = await add(conversations, found, message("b"))

    def attempts(conversation_id: str, item: str) -> list[Any]:
        return [
            conversations.get(conversation_id, call),
            conversations.update(conversation_id, UpdateConversation(metadata={"x": "y"}), call),
            conversations.delete(conversation_id, call),
            listed(conversations, conversation_id, call),
            listed(conversations, conversation_id, call, after=item),
            add(conversations, conversation_id, message("c"), call=call),
            conversations.get_item(conversation_id, item, ItemQuery(), call),
            conversations.delete_item(conversation_id, item, call),
            conversations.append(conversation_id, [item_of("x", "msg_x")], call),
            heard(conversations, conversation_id, call),
            conversations.lock(conversation_id, call).__aenter__(),
        ]

    for foreign, missing in zip(attempts(found, item_id), attempts("conv_0", "msg_0"), strict=True):
        with pytest.raises(NotFound) as refused:
            await foreign
        with pytest.raises(NotFound) as unknown:
            await missing
        told = unknown.value.message.replace("conv_0", found).replace("msg_0", item_id)
        assert (refused.value.message, refused.value.param) == (told, unknown.value.param)
    assert await conversations.find_items([item_id], call) == {}
    mine = await begin(conversations, call=call)
    with pytest.raises(NotFound) as refused:
        await add(conversations, mine, {"type": "item_reference", "id": item_id}, call=call)
    assert refused.value.param == "items.0.id"
    assert [text_of(item) for item in await heard(conversations, found)] == ["a", "b"]
    assert (await conversations.get(found, ANN)).value.metadata == {}


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_go_through_everything_once_whatever_is_deleted_and_added_meanwhile(
    conversations: Conversations, order: str
) -> None:
    found = await begin(conversations, *map(str, range(10)))
    seen: list[str] = []
    after: dict[str, Any] = {}
    for turn in itertools.count():
        page = await listed(conversations, found, limit=3, order=order, **after)
        seen += [text_of(item) for item in page["data"]]
        if not page["has_more"]:
            break
        after = {"after": page["last_id"]}
        await conversations.delete_item(found, page["last_id"], ANN)
        if order == "desc":
            await add(conversations, found, message(f"new {turn}"))
    expected = [str(number) for number in range(10)]
    assert seen == (expected if order == "asc" else expected[::-1])


async def test_a_page_has_more_only_if_there_is_more(conversations: Conversations) -> None:
    found = await begin(conversations, "a", "b", "c")
    assert (await listed(conversations, found, limit=2))["has_more"]
    assert not (await listed(conversations, found, limit=3))["has_more"]
    empty = await begin(conversations)
    assert await listed(conversations, empty) == {
        "object": "list",
        "data": [],
        "first_id": "",
        "last_id": "",
        "has_more": False,
    }


async def test_a_cursor_that_never_was_an_item_is_refused(conversations: Conversations) -> None:
    found, other = await begin(conversations, "a"), await begin(conversations)
    (elsewhere,) = await add(conversations, other, message("b"))
    for cursor in ("msg_0", "", "\u0000", elsewhere):
        with pytest.raises(InvalidRequest) as refused:
            await listed(conversations, found, after=cursor)
        assert refused.value.param == "after"
        with pytest.raises(InvalidRequest):
            await heard(conversations, found, after=cursor)


async def test_a_deleted_item_leaves_nothing_but_a_cursor(conversations: Conversations) -> None:
    found = await begin(conversations, "a", "b", "c", metadata={"x": "y"})
    ids = [item["id"] for item in (await listed(conversations, found))["data"]]
    conversation = (await conversations.delete_item(found, ids[1], ANN)).value
    assert (conversation.id, conversation.metadata) == (found, {"x": "y"})
    for again in (
        conversations.delete_item(found, ids[1], ANN),
        conversations.get_item(found, ids[1], ItemQuery(), ANN),
        conversations.get_item(found, "\u0000", ItemQuery(), ANN),
    ):
        with pytest.raises(NotFound) as refused:
            await again
        assert refused.value.param == "item_id"
    assert [text_of(item) for item in await heard(conversations, found)] == ["a", "c"]
    assert [text_of(item) for item in (await listed(conversations, found))["data"]] == ["a", "c"]
    assert [text_of(item) for item in await heard(conversations, found, after=ids[1])] == ["c"]
    assert await conversations.find_items(ids, ANN) == {item.id: item for item in await heard(conversations, found)}


async def test_an_id_is_there_once_and_again_only_when_it_was_deleted(conversations: Conversations) -> None:
    found = await begin(conversations, "a")
    await add(conversations, found, message("b", id="mine"))
    for items, param in (
        ([message("x", id="one"), message("y", id="mine")], "items.1.id"),
        ([message("x", id="two"), message("z"), message("y", id="two")], "items.2.id"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            await add(conversations, found, *items)
        assert (refused.value.param, refused.value.code) == (param, "duplicate_item")
    with pytest.raises(InvalidRequest):
        await conversations.append(found, [item_of("x", "new"), item_of("y", "mine")], ANN)
    assert [text_of(item) for item in await heard(conversations, found)] == ["a", "b"]

    await conversations.delete_item(found, "mine", ANN)
    await add(conversations, found, message("c"), message("d", id="mine"))
    assert [text_of(item) for item in await heard(conversations, found)] == ["a", "c", "d"]
    other = await begin(conversations)
    await add(conversations, other, message("elsewhere", id="mine"))
    await add(conversations, await begin(conversations, call=BOB), message("somebody else's", id="mine"), call=BOB)
    assert text_of((await conversations.get_item(found, "mine", ItemQuery(), ANN)).value.root) == "d"


async def test_a_reference_brings_the_item_that_it_names(conversations: Conversations) -> None:
    source, target = await begin(conversations), await begin(conversations, "first")
    ids = await add(conversations, source, message("a"), message("b"))
    reference = {"id": ids[1]}

    assert (await add(conversations, target, message("before"), reference))[1] == ids[1]
    assert [text_of(item) for item in await heard(conversations, target)] == ["first", "before", "b"]

    with pytest.raises(InvalidRequest) as twice:
        await add(conversations, target, reference)
    assert twice.value.code == "duplicate_item"
    for unknown in ("msg_0", "a\0"):
        with pytest.raises(NotFound) as nowhere:
            await add(conversations, target, message("x"), {"type": "item_reference", "id": unknown})
        assert nowhere.value.param == "items.1.id"
    request = CreateConversation.model_validate({"items": [{"id": "msg_0"}]})
    with pytest.raises(NotFound):
        await conversations.create(request, ANN)
    assert [text_of(item) for item in await heard(conversations, target)] == ["first", "before", "b"]


async def test_a_trigger_is_refused_by_name(conversations: Conversations) -> None:
    found = await begin(conversations)
    with pytest.raises(InvalidRequest) as refused:
        await add(conversations, found, message("a"), {"type": "compaction_trigger"})
    assert refused.value.param == "items.1.type"
    assert await heard(conversations, found) == []


async def test_what_a_response_appends_is_kept_as_it_is(conversations: Conversations) -> None:
    found = await begin(conversations, "a")
    items = [
        item_of("b", "msg_b"),
        ITEM.validate_python({"type": "telepathy", "id": "tp_1", "thought": "\u0000", "x": [1.5, None]}),
        *(item_of(str(number), f"msg_{number}") for number in range(450)),
    ]
    await conversations.append(found, items, ANN)
    assert (await heard(conversations, found))[1:] == items
    assert await heard(conversations, found, after="msg_b") == items[1:]
    assert await conversations.find_items(["tp_1", "msg_0", "msg_b"], ANN) == {
        "msg_b": items[0],
        "tp_1": items[1],
        "msg_0": items[2],
    }
    await conversations.append(found, [], ANN)


async def test_writers_at_the_same_time_never_interleave(conversations: Conversations) -> None:
    found = await begin(conversations)

    async def write(writer: int) -> None:
        for batch in range(6):
            await add(conversations, found, *(message(f"{writer} {batch} {part}") for part in range(4)))

    await asyncio.gather(*(write(writer) for writer in range(5)))

    texts = [text_of(item) for item in await heard(conversations, found)]
    batches = [texts[start : start + 4] for start in range(0, len(texts), 4)]
    assert len(batches) == 30
    for batch in batches:
        head = batch[0].rpartition(" ")[0]
        assert batch == [f"{head} {part}" for part in range(4)]
    for writer in range(5):
        own = [batch[0] for batch in batches if batch[0].startswith(f"{writer} ")]
        assert own == [f"{writer} {batch} 0" for batch in range(6)]


async def test_include_says_what_is_told_and_nothing_of_what_is_kept(conversations: Conversations) -> None:
    found = await begin(conversations)
    search = {
        "type": "file_search_call",
        "id": "fs_1",
        "status": "completed",
        "queries": ["q"],
        "results": [{"file_id": "file-1", "score": 0.5}],
    }
    asked = ItemQuery(include=["file_search_call.results"])
    request = CreateItems.model_validate({"items": [search]})
    added = (await conversations.add_items(found, request, asked, ANN)).value.model_dump(mode="json")
    without = {key: value for key, value in search.items() if key != "results"}
    assert added["data"] == [search]
    assert (await listed(conversations, found))["data"] == [without]
    assert (await listed(conversations, found, include=["file_search_call.results"]))["data"] == [search]
    one = await conversations.get_item(found, "fs_1", ItemQuery(), ANN)
    assert one.value.model_dump(mode="json") == without
    one = await conversations.get_item(found, "fs_1", asked, ANN)
    assert one.value.model_dump(mode="json") == search
    assert [item.model_dump(mode="json") for item in await heard(conversations, found)] == [search]

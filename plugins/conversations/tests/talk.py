"""What tests of conversations say and hear, in a few words."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.conversations import (
    Conversations,
    CreateConversation,
    CreateItems,
    ItemQuery,
    ListItemsQuery,
)
from dinrail_core.api.items.unions import Item

__all__ = ["ANN", "BOB", "OTHER", "add", "begin", "heard", "listed", "message", "text_of"]

ANN = Call(Principal("acme", "ann"))
BOB = Call(Principal("acme", "bob"))
OTHER = Call(Principal("other", "ann"))


def message(text: str, **fields: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **fields}


def text_of(item: Any) -> str:
    content = item["content"] if isinstance(item, dict) else item.model_dump()["content"]
    text: str = content[0]["text"]
    return text


async def begin(service: Conversations, *texts: str, call: Call = ANN, **fields: Any) -> str:
    items = [message(text) for text in texts]
    request = CreateConversation.model_validate({"items": items, **fields})
    return (await service.create(request, call)).value.id


async def add(service: Conversations, conversation_id: str, *items: dict[str, Any], call: Call = ANN) -> list[str]:
    request = CreateItems.model_validate({"items": list(items)})
    found = (await service.add_items(conversation_id, request, ItemQuery(), call)).value
    return [item.id for item in found.data]


async def listed(service: Conversations, conversation_id: str, call: Call = ANN, **query: Any) -> Any:
    wanted = ListItemsQuery.model_validate({"limit": 100, "order": "asc", **query})
    return (await service.list_items(conversation_id, wanted, call)).value.model_dump(mode="json")


async def heard(service: Conversations, conversation_id: str, call: Call = ANN, after: str | None = None) -> list[Item]:
    async with aclosing(service.history(conversation_id, call, after)) as items:
        return [item async for item in items]

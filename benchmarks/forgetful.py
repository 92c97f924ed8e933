"""A plugin whose prompts and conversations are answered as if they were kept: what ``store`` is measured against.

:mod:`benchmarks.storing` installs it beside the server that is measured.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel

from dinrail_core.api.answers import Answer
from dinrail_core.api.conversations import (
    Conversation,
    ConversationItemList,
    Conversations,
    CreateConversation,
    CreateItems,
    ItemQuery,
)
from dinrail_core.api.items.keeping import keep
from dinrail_core.api.prompts import CreatePrompt, Prompt, Prompts, check_variables
from dinrail_core.hooks import Context, ServiceType, hookimpl
from dinrail_sdk.sql.ids import new_id

DINRAIL_API = ">=1.0,<2"


class Config(BaseModel, extra="forbid"):
    """Nothing to configure."""


async def _nothing(*arguments: Any) -> Any:
    raise NotImplementedError


_NOTHING: Any = _nothing
"""Stands for what the measurement never asks for."""


class ForgetfulPrompts(Prompts):
    """Answers the creation of prompts alone."""

    async def create(self, request: CreatePrompt, call: Any) -> Answer[Prompt]:
        variables = list(request.variables) if isinstance(request.variables, list) else []
        check_variables(request.prompt, variables)
        return Answer.of(
            Prompt(prompt=request.prompt, version=1, prompt_id=new_id("pmpt_"), variables=variables, is_default=True)
        )

    list = get = versions = update = set_default = delete = _NOTHING


class ForgetfulConversations(Conversations):
    """Answers the creation of conversations and items alone."""

    async def create(self, request: CreateConversation, call: Any) -> Answer[Conversation]:
        return Answer.of(Conversation(id=new_id("conv_"), created_at=int(time.time()), metadata={}))

    async def add_items(
        self, conversation_id: str, request: CreateItems, query: ItemQuery, call: Any
    ) -> Answer[ConversationItemList]:
        items = [keep(item, new_id) for item in request.items]
        text = ",".join(item.model_dump_json() for item in items)
        ends = f'"first_id":"{items[0].id}","last_id":"{items[-1].id}","has_more":false'
        return Answer(ConversationItemList, body=f'{{"object":"list","data":[{text}],{ends}}}'.encode())

    get = update = delete = list_items = get_item = delete_item = lock = append = history = find_items = _NOTHING


@asynccontextmanager
async def _open_prompts(config: Config, context: Context) -> AsyncIterator[object]:
    yield ForgetfulPrompts()


@asynccontextmanager
async def _open_conversations(config: Config, context: Context) -> AsyncIterator[object]:
    yield ForgetfulConversations()


@hookimpl
def dinrail_services() -> Iterable[ServiceType]:
    """See :func:`dinrail_core.hooks.specs.dinrail_services`."""
    for contract, opened in ((Prompts, _open_prompts), (Conversations, _open_conversations)):
        name = f"forgetful-{contract.__name__.lower()}"
        yield ServiceType(name=name, config=Config, provides=frozenset({contract}), open=opened)

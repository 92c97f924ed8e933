"""Any sequence of operations and restarts does what a list does."""

from __future__ import annotations

import asyncio
import itertools
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

sys.path.insert(0, str(Path(__file__).parent))

from talk import add, begin, heard, listed, message, text_of

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.conversations import ConversationLock, Conversations, UpdateConversation
from dinrail_core.errors import Conflict, InvalidRequest, NotFound
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import open_rail

TEXTS = st.lists(st.text(max_size=5), max_size=4)
METADATA = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
_numbers = itertools.count()


class Held:
    """The opened rail, over the runs of one event loop."""

    def __init__(self, runner: asyncio.Runner, config: dict[str, Any]) -> None:
        self.runner = runner
        self._config = config
        self._context: AbstractAsyncContextManager[Rail] | None = None
        self.service: Conversations
        self.open()

    def open(self) -> None:
        async def enter() -> Conversations:
            self._context = open_rail(plugins=("database", "conversations"), config=self._config)
            return await (await self._context.__aenter__()).service(Conversations)

        self.service = self.runner.run(enter())

    def close(self) -> None:
        async def leave() -> None:
            assert self._context is not None
            await self._context.__aexit__(None, None, None)

        self.runner.run(leave())


class ConversationsOverTime(RuleBasedStateMachine):
    """``kept`` has, for each owner and id, the items by id and text; ``dead`` the ids of items that were deleted."""

    held: Held
    ids = Bundle("ids")

    @initialize()
    def start(self) -> None:
        tenant = f"tenant{next(_numbers)}"
        self.owners = [Call(Principal(tenant, "ann")), Call(Principal(tenant, "bob"))]
        self.kept: tuple[dict[str, dict[str, str]], ...] = ({}, {})
        self.dead: dict[str, list[str]] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.locked: dict[str, tuple[ConversationLock, AbstractAsyncContextManager[ConversationLock]]] = {}

    def run(self, coroutine: Any) -> Any:
        return self.held.runner.run(coroutine)

    @rule(target=ids, who=st.integers(0, 1), texts=TEXTS)
    def create(self, who: int, texts: list[str]) -> str:
        key: str = self.run(begin(self.held.service, *texts, call=self.owners[who]))
        items = self.run(heard(self.held.service, key, self.owners[who]))
        assert [text_of(item) for item in items] == texts
        self.kept[who][key] = {item.id: text_of(item) for item in items}
        self.dead[key], self.metadata[key] = [], {}
        return key

    @rule(key=ids, who=st.integers(0, 1), texts=TEXTS, own=st.none() | st.sampled_from(["mine", "yours"]))
    def go_on(self, key: str, who: int, texts: list[str], own: str | None) -> None:
        items = [message(text) for text in texts]
        if own is not None:
            items.append(message("named", id=own))
        there = self.kept[who].get(key)
        try:
            ids = self.run(add(self.held.service, key, *items, call=self.owners[who]))
        except NotFound:
            assert there is None
        except Conflict:
            assert key in self.locked
        except InvalidRequest:
            assert there is not None
            assert own in there
        else:
            assert there is not None
            assert own not in there
            assert key not in self.locked
            there.update(zip(ids, [*texts, *(["named"] if own else [])], strict=True))
            self.dead[key] = [item_id for item_id in self.dead[key] if item_id != own]

    @rule(key=ids, who=st.integers(0, 1), which=st.integers(0, 5))
    def delete_item(self, key: str, who: int, which: int) -> None:
        there = self.kept[who].get(key, {})
        choices = [*there, *self.dead.get(key, ()), "msg_0"]
        item_id = choices[which % len(choices)]
        try:
            self.run(self.held.service.delete_item(key, item_id, self.owners[who]))
        except NotFound:
            assert item_id not in there
        except Conflict:
            assert key in self.locked
        else:
            assert key not in self.locked
            del there[item_id]
            self.dead[key].append(item_id)

    @rule(key=ids, who=st.integers(0, 1))
    def delete(self, key: str, who: int) -> None:
        try:
            self.run(self.held.service.delete(key, self.owners[who]))
        except NotFound:
            assert key not in self.kept[who]
        except Conflict:
            assert key in self.locked
        else:
            assert key not in self.locked
            del self.kept[who][key]

    @rule(
        key=ids, who=st.integers(0, 1), metadata=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
    )
    def update(self, key: str, who: int, metadata: dict[str, str]) -> None:
        try:
            self.run(self.held.service.update(key, UpdateConversation(metadata=metadata), self.owners[who]))
        except NotFound:
            assert key not in self.kept[who]
        else:
            self.metadata[key] = metadata

    @rule(key=ids, who=st.integers(0, 1))
    def lock_or_unlock(self, key: str, who: int) -> None:
        if key in self.kept[who] and key in self.locked:
            _, context = self.locked.pop(key)
            self.run(context.__aexit__(None, None, None))
            return
        context = self.held.service.lock(key, self.owners[who])
        try:
            lock = self.run(context.__aenter__())
        except NotFound:
            assert key not in self.kept[who]
        else:
            assert key in self.kept[who]
            self.locked[key] = (lock, context)

    @rule()
    def restart(self) -> None:
        for _, context in self.locked.values():
            self.run(context.__aexit__(None, None, None))
        self.locked.clear()
        self.held.close()
        self.held.open()

    def teardown(self) -> None:
        for _, context in getattr(self, "locked", {}).values():
            self.run(context.__aexit__(None, None, None))

    @rule(key=ids, who=st.integers(0, 1), which=st.integers(0, 9), order=st.sampled_from(["asc", "desc"]))
    def page(self, key: str, who: int, which: int, order: str) -> None:
        there = self.kept[who].get(key)
        cursors = [*(there or {}), *self.dead.get(key, ())]
        query = {"after": cursors[which % len(cursors)]} if cursors else {}
        try:
            found = self.run(listed(self.held.service, key, self.owners[who], limit=2, order=order, **query))
        except NotFound:
            assert there is None
            return
        assert there is not None
        ids = list(there)
        if order == "desc":
            ids.reverse()
        cursor = query.get("after")
        if cursor in there:
            ids = ids[ids.index(cursor) + 1 :]
            assert [item["id"] for item in found["data"]] == ids[:2]
            assert found["has_more"] == (len(ids) > 2)
        elif cursor is None:
            assert found["data"] == []

    @invariant()
    def histories_are_what_is_kept(self) -> None:
        for who, owner in enumerate(self.owners):
            for key, there in self.kept[who].items():
                items = self.run(heard(self.held.service, key, owner))
                assert [(item.id, text_of(item)) for item in items] == list(there.items())
                assert self.run(self.held.service.get(key, owner)).value.metadata == self.metadata[key]


def test_any_sequence_of_operations_and_restarts_does_what_a_list_does(config: dict[str, Any]) -> None:
    with asyncio.Runner() as runner:
        held = Held(runner, {**config, "services": {**config["services"], "conversations": {"lease": 25}}})

        class Machine(ConversationsOverTime):
            pass

        Machine.held = held
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=12,
                stateful_step_count=15,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            ),
        )
        held.close()

"""Any sequence of operations and restarts does what a few dictionaries do."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AbstractAsyncContextManager
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.pages import ListQuery
from dinrail_core.api.prompts import CreatePrompt, Prompts, UpdatePrompt, placeholders
from dinrail_core.errors import Conflict, InvalidRequest, NotFound
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import open_rail

TEXTS = st.lists(
    st.sampled_from(["{{a}}", "{{ b }}", "{{7*7}}", "text", "é\n", "{{", "}}"]), min_size=1, max_size=4
).map(" ".join)
_numbers = itertools.count()


class Held:
    """The opened rail, over the runs of one event loop."""

    def __init__(self, runner: asyncio.Runner, config: dict[str, Any]) -> None:
        self.runner = runner
        self._config = config
        self._context: AbstractAsyncContextManager[Rail] | None = None
        self.prompts: Prompts
        self.open()

    def open(self) -> None:
        async def enter() -> Prompts:
            self._context = open_rail(plugins=("database", "prompts"), config=self._config)
            return await (await self._context.__aenter__()).service(Prompts)

        self.prompts = self.runner.run(enter())

    def close(self) -> None:
        async def leave() -> None:
            assert self._context is not None
            await self._context.__aexit__(None, None, None)

        self.runner.run(leave())


class PromptsOverTime(RuleBasedStateMachine):
    """``kept`` has, for each owner and id, the texts by version and the default version."""

    held: Held
    ids = Bundle("ids")

    @initialize()
    def begin(self) -> None:
        tenant = f"tenant{next(_numbers)}"
        self.owners = [Call(Principal(tenant, "ann")), Call(Principal(tenant, "bob"))]
        self.kept: tuple[dict[str, tuple[list[str], int]], ...] = ({}, {})

    def run(self, coroutine: Any) -> Any:
        return self.held.runner.run(coroutine)

    @rule(target=ids, who=st.integers(0, 1), text=TEXTS, extra=st.booleans())
    def create(self, who: int, text: str, extra: bool) -> Any:
        variables = [*placeholders(text), *(["unused"] if extra else [])]
        request = CreatePrompt(prompt=text, variables=variables)
        try:
            made = self.run(self.held.prompts.create(request, self.owners[who])).value
        except InvalidRequest:
            assert extra
            return multiple()
        assert not extra
        assert (made.version, made.is_default, made.variables) == (1, True, variables)
        self.kept[who][made.prompt_id] = ([text], 1)
        return made.prompt_id

    @rule(key=ids, who=st.integers(0, 1), text=TEXTS, default=st.booleans(), off=st.sampled_from([0, 0, 0, 1, -1]))
    def update(self, key: str, who: int, text: str, default: bool, off: int) -> None:
        texts, current = self.kept[who].get(key, ([], 0))
        version = max(1, len(texts) + off)
        request = UpdatePrompt(prompt=text, version=version, variables=placeholders(text), set_as_default=default)
        try:
            made = self.run(self.held.prompts.update(key, request, self.owners[who])).value
        except NotFound:
            assert not texts
        except Conflict:
            assert texts
            assert version != len(texts)
        else:
            assert made.version == version + 1 == len(texts) + 1
            self.kept[who][key] = ([*texts, text], made.version if default else current)

    @rule(key=ids, who=st.integers(0, 1), version=st.integers(1, 3))
    def set_default(self, key: str, who: int, version: int) -> None:
        texts, _ = self.kept[who].get(key, ([], 0))
        try:
            self.run(self.held.prompts.set_default(key, version, self.owners[who]))
        except NotFound:
            assert version > len(texts)
        else:
            self.kept[who][key] = (texts, version)

    @rule(key=ids, who=st.integers(0, 1))
    def delete(self, key: str, who: int) -> None:
        there = key in self.kept[who]
        try:
            self.run(self.held.prompts.delete(key, self.owners[who]))
        except NotFound:
            assert not there
        else:
            assert there
            del self.kept[who][key]

    @rule()
    def restart(self) -> None:
        self.held.close()
        self.held.open()

    @rule(key=ids, who=st.integers(0, 1), version=st.none() | st.integers(1, 3))
    def get(self, key: str, who: int, version: int | None) -> None:
        texts, default = self.kept[who].get(key, ([], 1))
        wanted = default if version is None else version
        try:
            found = self.run(self.held.prompts.get(key, version, self.owners[who])).value
        except NotFound:
            assert wanted > len(texts)
        else:
            assert (found.prompt, found.version, found.is_default) == (texts[wanted - 1], wanted, wanted == default)

    @invariant()
    def lists_show_what_is_kept(self) -> None:
        for owner, kept in zip(self.owners, self.kept, strict=True):
            found = self.run(self.held.prompts.list(ListQuery(limit=100, order="asc"), owner)).value.data
            assert [(one.prompt_id, one.version, one.prompt) for one in found] == [
                (key, default, texts[default - 1]) for key, (texts, default) in sorted(kept.items())
            ]
            for key, (texts, default) in kept.items():
                versions = self.run(self.held.prompts.versions(key, owner)).value.data
                assert [(one.prompt, one.is_default) for one in versions] == [
                    (text, number == default) for number, text in enumerate(texts, 1)
                ]


def test_any_sequence_of_operations_and_restarts_does_what_dictionaries_do(config: dict[str, Any]) -> None:
    with asyncio.Runner() as runner:
        held = Held(runner, config)

        class Machine(PromptsOverTime):
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

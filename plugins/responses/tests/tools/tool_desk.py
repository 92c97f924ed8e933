"""What a kind of tool works with, where no response is made: pens that note down what is written."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from dinrail_core.api.call import Call
from dinrail_core.errors import NothingServes
from dinrail_responses.tools.interface import Desk, Json, Pen
from dinrail_sdk.testing.bench import EmptyRail

T = TypeVar("T")


class OneRail(EmptyRail):
    """A rail with the services and instances that a test puts on it."""

    def __init__(self, services: Mapping[type, object], instances: Mapping[type, Mapping[str, object]]) -> None:
        self._services = services
        self._instances = instances

    def provides(self, contract: type) -> bool:
        return contract in self._services

    async def service(self, contract: type[T]) -> T:
        if contract not in self._services:
            raise NothingServes("It is not there.")
        return cast("T", self._services[contract])

    def instances(self, contract: type[T]) -> Mapping[str, T]:
        return cast("Mapping[str, T]", self._instances.get(contract, {}))


@dataclass
class Written:
    """Everything that was written, in order: what an event says, and of items their type and their end."""

    events: list[Json] = field(default_factory=list)
    items: list[Json] = field(default_factory=list)
    citations: list[Json] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        """The kinds of the events."""
        return [event["type"] for event in self.events]


class NotedPen(Pen):
    """A pen that writes into :class:`Written`."""

    def __init__(self, written: Written) -> None:
        self._written = written

    def added(self, item: Json) -> None:
        self._written.events.append({"type": "added", "item": dict(item)})

    def event(self, kind: str, **fields: Any) -> None:
        self._written.events.append({"type": kind, **fields})

    def done(self, item: Json) -> None:
        self._written.events.append({"type": "done", "item": dict(item)})
        self._written.items.append(dict(item))


def desk(
    written: Written,
    *,
    services: Mapping[type, object] | None = None,
    instances: Mapping[type, Mapping[str, object]] | None = None,
    history: Sequence[Json] = (),
    include: Sequence[str] = (),
    call: Call | None = None,
) -> Desk:
    """A desk of which everything that is written can be seen."""
    numbers = itertools.count(1)

    def cite(annotation: Json) -> str:
        if annotation not in written.citations:
            written.citations.append(annotation)
        return f"【{written.citations.index(annotation) + 1}】"

    return Desk(
        call=call or Call(),
        rail=OneRail(services or {}, instances or {}),
        history=history,
        include=frozenset(include),
        new_id=lambda kind: f"{kind}_{next(numbers)}",
        pen=lambda: NotedPen(written),
        cite=cite,
    )

"""The methods of the contracts, as the cases that hold for all of them use them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from contextlib import aclosing
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_sdk.testing.bench import Bench
from dinrail_sdk.testing.heard import parse_read
from dinrail_sdk.testing.script import Api, Asked, Script

__all__ = ["BYTES", "TYPED", "VIEWS", "Operation", "Streamed", "View", "Whole"]

View: TypeAlias = Literal["bytes", "typed"]
BYTES: View = "bytes"
TYPED: View = "typed"
VIEWS: tuple[View, ...] = (BYTES, TYPED)


class Operation(ABC):
    """One method of a contract.

    Attributes:
        id: ``contract.method``, short; part of test names.
        contract: The contract.
        api: What reaches the upstream.
        streams: Whether it answers with a stream.
        asks: Whether it takes a request and a call.
    """

    id: ClassVar[str]
    contract: ClassVar[type]
    api: ClassVar[Api]
    streams: ClassVar[bool] = False
    asks: ClassVar[bool] = True

    @abstractmethod
    def request(self, model: str, marker: str = "Where is Zürich?", **more: Any) -> BaseModel:
        """A small request.

        Args:
            model: The model's name.
            marker: A text that the request carries, by which its answer can be told from others.
            more: More fields.
        """

    @abstractmethod
    async def start(self, provider: Any, request: Any, call: Call) -> Any:
        """Call the method."""

    @abstractmethod
    async def take(self, started: Any, view: View) -> list[Any]:
        """Consume what :meth:`start` returned, through one of its views, as JSON: one object, or one for each event."""

    @abstractmethod
    def said(self, objects: list[Any]) -> Any:
        """The content of an answer, in a form that can be compared with :meth:`meant`."""

    @abstractmethod
    def meant(self, script: Script, asked: Asked) -> Any:
        """What :meth:`said` must be after the upstream said ``script``."""

    @abstractmethod
    def check(self, objects: list[Any]) -> None:
        """Check the answer's form alone, for a model whose words are not known beforehand."""

    async def ask(self, bench: Bench, *, view: View = BYTES, call: Call | None = None, **request: Any) -> list[Any]:
        """Send a small request and consume the answer; ``request`` goes to :meth:`request`."""
        return await self.send(bench, self.request(bench.model, **request), view=view, call=call)

    async def send(self, bench: Bench, request: Any, *, view: View = BYTES, call: Call | None = None) -> list[Any]:
        """Send a request and consume the answer."""
        started = await self.start(bench.provider, request, call or bench.call())
        return await self.take(started, view)


class Whole(Operation):
    """Answers with one value."""

    async def take(self, started: Answer[Any], view: View) -> list[Any]:
        if view == BYTES:
            return [json.loads(started.body)]
        return [json.loads(started.value.model_dump_json())]


class Streamed(Operation):
    """Answers with a stream."""

    streams = True

    async def take(self, started: Stream[Any], view: View) -> list[Any]:
        found: list[Any] = []
        async with aclosing(started):
            if view == BYTES:
                async for read in started.reads():
                    found += parse_read(read)
            else:
                async for event in started:
                    found.append(json.loads(event.model_dump_json()))
        return found

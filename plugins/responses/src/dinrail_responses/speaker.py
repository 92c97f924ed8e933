"""Who answers: a model that is asked again and again, with all that has been said so far."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from dinrail_core.api.answers import Stream, frames
from dinrail_core.errors import UnsupportedFeature
from dinrail_responses.citations import Citations
from dinrail_responses.parsing import parsed
from dinrail_responses.reduce import Step
from dinrail_responses.scribe import Scribe
from dinrail_responses.spending import Bill
from dinrail_responses.tools.interface import Exchange, Json
from dinrail_responses.tools.toolbox import Toolbox

__all__ = ["INSTANCE", "Speaker", "counted", "drop_older_half", "listen"]

INSTANCE = "x-dinrail-instance"
"""The header by which a model of several says whose answer it is."""


class Speaker(ABC):
    """A model in the course of one response.

    Attributes:
        step: What came of the last question.
    """

    step: Step

    @abstractmethod
    def ask(
        self, scribe: Scribe, toolbox: Toolbox, citations: Citations, limit: int | None
    ) -> AsyncGenerator[None, None]:
        """Ask the model, and write down what it says; yields once it has been accepted, and whenever more has come.

        Args:
            scribe: Where it is written.
            toolbox: What it may call.
            citations: Marks that it may have been told.
            limit: How many tokens it may say.

        Raises:
            RequestError: The upstream refuses the request.
            UpstreamError: The upstream fails.
        """

    @abstractmethod
    async def count(self, toolbox: Toolbox) -> int:
        """How many tokens the next question has.

        Raises:
            UnsupportedFeature: The model's server does not tell.
            RequestError: As for :meth:`ask`.
            UpstreamError: Likewise.
        """

    @abstractmethod
    def tell(self, exchanges: Sequence[Exchange]) -> None:
        """What came of calls, to be told with the next question."""

    @abstractmethod
    def resume(self, step: Step) -> None:
        """A step that was taken before, in a process that is gone."""

    @abstractmethod
    def forget(self) -> bool:
        """Drop the older half of what has been said; false where nothing is left to drop."""


async def listen(
    opening: Awaitable[Stream[Any]], feed: Callable[[Json], None], bill: Bill
) -> AsyncGenerator[None, None]:
    """Read a stream of the upstream to its end; yields once it has been opened, and behind each read.

    Args:
        opening: Gives the stream.
        feed: Told the JSON of each frame.
        bill: Told that it costs.
    """
    stream = await opening
    bill.open(stream.headers)
    try:
        yield
        async with aclosing(stream.reads()) as reads:
            async for read in reads:
                for data in frames(read):
                    feed(parsed(data))
                    bill.hear()
                yield
    finally:
        await stream.aclose()


def drop_older_half(said: list[Json]) -> bool:
    """Drop the older half, instructions aside, up to where a user speaks: no call may lose what came of it.

    Args:
        said: Messages of a chat, or items; changed in place.

    Returns:
        Whether there was something to drop.
    """
    begin = 1 if said and said[0].get("role") in ("system", "developer") else 0
    users = [n for n, one in enumerate(said) if n > begin and one.get("role") == "user"]
    if not users:
        return False
    middle = begin + (len(said) - begin) // 2
    del said[begin : next((n for n in users if n >= middle), users[-1])]
    return True


def counted(tokens: object) -> int:
    """How many tokens an upstream says that an input has.

    Raises:
        UnsupportedFeature: It does not say.
    """
    if not isinstance(tokens, int):
        raise UnsupportedFeature("This model's server does not tell how many tokens an input has.", param="model")
    return tokens

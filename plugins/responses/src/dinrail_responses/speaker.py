"""Who answers: a model that is asked again and again, with all that has been said so far."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence

from dinrail_responses.citations import Citations
from dinrail_responses.reduce import Step
from dinrail_responses.scribe import Scribe
from dinrail_responses.tools.interface import Exchange
from dinrail_responses.tools.toolbox import Toolbox

__all__ = ["Speaker"]


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
    def tell(self, exchanges: Sequence[Exchange]) -> None:
        """What came of calls, to be told with the next question."""

    @abstractmethod
    def resume(self, step: Step) -> None:
        """A step that was taken before, in a process that is gone."""

    @abstractmethod
    def forget(self) -> bool:
        """Drop the older half of what has been said; false where nothing is left to drop."""

"""What providers of any kind may tell about themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["ABOUT_ITSELF", "Checked", "Health", "ModelInfo", "ModelLibrary", "ModelSource", "PullProgress", "State"]


class State(Enum):
    """How an instance does."""

    READY = "ready"
    DEGRADED = "degraded"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Health:
    """How an instance does, and why, in one sentence without secrets."""

    state: State
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as its provider lists it.

    Attributes:
        id: The upstream's own name, without the instance.
        contracts: The contracts that this model serves; empty where the provider cannot tell models apart, and then
            every contract of the provider counts.
        created: Seconds since the epoch; 0 where unknown.
        owned_by: The organisation, where the upstream names one.
        context_length: Tokens, where the upstream tells.
    """

    id: str
    contracts: frozenset[type] = field(default_factory=frozenset)
    created: int = 0
    owned_by: str | None = None
    context_length: int | None = None


class ModelSource(ABC):
    """Lists its models. The host asks now and then and remembers the answer, so a dead upstream costs no request."""

    @abstractmethod
    async def models(self) -> Sequence[ModelInfo]:
        """The models that can be used now.

        Raises:
            UpstreamError: The upstream does not answer; its models are gone until it does.
        """


class Checked(ABC):
    """Tells how it does, where a model list that answers says too little."""

    @abstractmethod
    async def health(self) -> Health:
        """Look now; at most a second, and never raising for what the upstream does."""


@dataclass(frozen=True, slots=True)
class PullProgress:
    """How far a pull has come.

    Attributes:
        done: Bytes that are there.
        total: Bytes of the whole, or ``None`` while unknown.
        note: What is being done, a few words.
    """

    done: int
    total: int | None
    note: str = ""


class ModelLibrary(ABC):
    """Fetches models to where its provider runs (``dinrail models pull``)."""

    @abstractmethod
    def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        """Fetch a model by name, resuming what an earlier try left and verifying what came.

        Args:
            name: A name of the provider's own catalogue, or whatever address the provider documents.

        Raises:
            NotFound: There is no such model.
            UpstreamError: The place that it comes from cannot be reached or sent something else.
        """


ABOUT_ITSELF: frozenset[type] = frozenset({ModelSource, Checked, ModelLibrary})
"""Contracts by which a provider tells about itself; they are nothing that a model can be used for."""

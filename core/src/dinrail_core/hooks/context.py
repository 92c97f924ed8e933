"""What a plugin is given when one of its records is opened, and how it reaches what else is on the rail."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from dinrail_core.api.jobs import JobKind
from dinrail_core.api.models import Model
from dinrail_core.api.providers import PluginStatus, ProviderStatus
from dinrail_core.errors import NothingServes
from dinrail_core.hooks.outbound import Outbound

__all__ = ["Context", "MayUse", "Price", "Rail", "Target"]

MayUse = Callable[[str, str | None], bool]
"""``may_use(instance, model)``: whether somebody may use a model, or (without one) see that there is this provider."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Target(Generic[T_co]):
    """Where a model id leads.

    Attributes:
        provider: The opened instance, as the contract that was asked for.
        model: The model's name as the upstream knows it; empty where no model was asked for.
        instance: The operator's name of the instance.
        leads_to: The models that may answer, where the operator has made one of several, or has settings for one.
    """

    provider: T_co
    model: str
    instance: str
    leads_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in whatever currency the operator counts.

    Attributes:
        input: Of the request.
        output: Of the answer.
    """

    input: float
    output: float

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """What an answer has cost."""
        return (self.input * input_tokens + self.output * output_tokens) / 1_000_000


class Rail(ABC):
    """What is on the rail, found by contract: no plugin knows another's name."""

    @abstractmethod
    async def resolve(self, contract: type[T], model: str) -> Target[T]:
        """The instance that serves ``model`` for ``contract``.

        Args:
            contract: An abstract class of :mod:`dinrail_core.api`.
            model: ``instance/upstream model``, a plain upstream name that one instance has, or an alias.

        Raises:
            ModelNotFound: No instance has it, several have it, or the one that has it does not fulfil the contract.
            NothingServes: No instance at all fulfils the contract.
        """

    async def instance(self, contract: type[T], name: str | None = None) -> Target[T]:
        """An instance that fulfils ``contract``, where no model id leads to it (``VectorIndex``).

        Args:
            contract: An abstract class of :mod:`dinrail_core.api`.
            name: The operator's name of it; without one the first of the configuration, detected ones behind.

        Returns:
            The instance, with no model.

        Raises:
            NotFound: There is none of that name, or it does not fulfil the contract.
            NothingServes: No instance at all fulfils the contract.
            Unavailable: It is not open.
        """
        raise NothingServes(f"No configured provider is a {contract.__name__}.")

    def price(self, model: str) -> Price | None:
        """What the operator says that a model costs, by its name or its whole id; ``None`` where it says nothing."""
        return None

    @abstractmethod
    def provides(self, contract: type) -> bool:
        """Whether some installed service fulfils ``contract``; opens nothing."""

    def is_open(self, contract: type) -> bool:
        """Whether the service that fulfils ``contract`` is open now; opens nothing.

        What ``eager`` of a service can go by: what it requires, and is eager itself, is opened before it is asked.
        """
        return False

    def in_use(self, contract: type) -> bool:
        """Whether the service that fulfils ``contract`` is open, or would be opened if the server started now.

        So a service can tell that there is nothing in the database, without loading one. Opens nothing; a look at a
        file at most.
        """
        return self.is_open(contract)

    @abstractmethod
    async def service(self, contract: type[T]) -> T:
        """The one service that fulfils ``contract``, opened if it is not yet.

        Raises:
            NothingServes: None is installed.
            Unavailable: It could not be opened.
        """

    def job_kinds(self) -> Sequence[JobKind]:
        """The kinds of job that the services declare; opens nothing. For the service that does jobs."""
        return ()

    async def service_for(self, kind: str) -> object:
        """The service that declares a kind of job, opened if it is not yet; what :attr:`JobKind.run` is handed.

        Raises:
            NothingServes: No installed service declares it.
            Unavailable: It could not be opened.
        """
        raise NothingServes(f"No installed service does jobs of the kind '{kind}'.")

    def instances(self, contract: type[T]) -> Mapping[str, T]:
        """The open instances that fulfil ``contract``, by the operator's name, as they stand in the configuration.

        For contracts that no model stands for, such as those of search engines. What may not be used is not there.
        """
        return {}

    @abstractmethod
    async def models(self) -> Sequence[Model]:
        """Every model of every instance that answers, ids qualified by the instance's name, aliases included."""

    @abstractmethod
    async def model(self, model: str) -> Model:
        """One model, by any id that :meth:`resolve` accepts.

        Raises:
            ModelNotFound: No instance has it, or several have it.
        """

    @abstractmethod
    async def providers(self) -> Sequence[ProviderStatus]:
        """Every configured instance with its state now, those that could not be opened included."""

    @abstractmethod
    async def provider(self, name: str) -> ProviderStatus:
        """One instance, looked at now.

        Raises:
            NotFound: There is none of that name.
        """

    @abstractmethod
    def plugins(self) -> Sequence[PluginStatus]:
        """Every installed plugin with its state, those that are off or were set aside included."""

    @abstractmethod
    def limited_to(self, may_use: MayUse) -> Rail:
        """This rail as somebody sees it who may not use everything.

        What may not be used looks as if it were not there: in lists, by name, and where a plain name has to be found.

        Args:
            may_use: Says what may be used; asked often.
        """


@dataclass(frozen=True, slots=True)
class Context:
    """What ``open`` receives; one object, so that it can grow.

    Attributes:
        name: The operator's name of the instance, or the service's name.
        data_dir: A folder for this instance alone; made when first asked for by :meth:`folder`.
        rail: The rest of the rail. A service finds what it ``requires`` here; a provider rarely needs it.
        serving: Whether a server is being started. A command of the operator's opens services with ``False``: they do
            what they are asked to, and begin no work of their own (upgrading, sweeping, taking up what waits).
        outbound: Which addresses a URL that a request names may reach; ``dinrail_sdk.outbound`` holds to it.
    """

    name: str
    data_dir: Path
    rail: Rail
    serving: bool = True
    outbound: Outbound = field(default_factory=Outbound)

    def folder(self) -> Path:
        """:attr:`data_dir`, made if need be, for this user's eyes only."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self.data_dir

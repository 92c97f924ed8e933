"""What a suite is: cases that cannot be overridden, opting out with a reason, and how a case is run."""

from __future__ import annotations

import asyncio
import difflib
import inspect
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel

from dinrail_core.hooks.records import ProviderType
from dinrail_sdk.testing.bench import open_bench
from dinrail_sdk.testing.dialect import Dialect
from dinrail_sdk.testing.dialects import OPENAI
from dinrail_sdk.testing.operations.base import Operation
from dinrail_sdk.testing.upstream import FakeUpstream

__all__ = ["CASE_LIMIT", "Case", "Suite", "case", "cases_of"]

CASE_LIMIT = 20.0
"""Seconds that a case may take before its provider is said to hang."""

_MARK = "__dinrail_case__"
_SEALED = frozenset({"operations", "perform", "skipped", "pytest_generate_tests"})

Body = Callable[..., Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a suite.

    Attributes:
        name: The method's name without ``test_``; what ``unsupported`` may name.
        body: The coroutine function: ``(suite, bench)``, or ``(suite, bench, operation)``.
        features: What must be supported for it to make sense; ``unsupported`` may name these as well.
        unscripted: Whether it also makes sense for a provider without an upstream.
        listening: Whether the upstream is there when the provider is opened.
        each: Which operations it is run for; ``None`` where it is run once.
    """

    name: str
    body: Body
    features: frozenset[str]
    unscripted: bool
    listening: bool
    each: Callable[[Operation], bool] | None


def case(
    *features: str,
    unscripted: bool = False,
    listening: bool = True,
    each: Callable[[Operation], bool] | None = None,
) -> Callable[[Body], Callable[..., None]]:
    """Make a coroutine function a case: a plain test function, which any pytest runs without a plugin.

    The docstring says what must hold, and under *Troubleshooting:* what is probably wrong where it does not; that part
    is shown with a failure.

    Args:
        features: See :class:`Case`.
        unscripted: See :class:`Case`.
        listening: See :class:`Case`.
        each: See :class:`Case`; the function then takes the operation as well.
    """

    def make(body: Body) -> Callable[..., None]:
        if "Troubleshooting:" not in (body.__doc__ or ""):
            raise TypeError(f"The docstring of the case {body.__name__} has no note *Troubleshooting:*.")
        this = Case(body.__name__.removeprefix("test_"), body, frozenset(features), unscripted, listening, each)

        def run_once(self: Suite) -> None:
            _run(self, this, None)

        def run_each(self: Suite, operation: Operation) -> None:
            _run(self, this, operation)

        run = run_once if each is None else run_each
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            setattr(run, name, getattr(body, name))
        setattr(run, _MARK, this)
        return run

    return make


def cases_of(suite: type[Suite]) -> Iterator[Case]:
    """Every case of a suite, in the order of their names."""
    for name in sorted(dir(suite)):
        found = getattr(getattr(suite, name, None), _MARK, None)
        if isinstance(found, Case):
            yield found


class Suite:
    """The base of every conformance suite.

    A plugin's test class derives from the suites of the contracts that its provider fulfils and says which provider,
    and which configuration leads it to the kit's upstream::

        class TestOllama(ChatModelSuite, EmbedderSuite):
            provider = OLLAMA
            unsupported = {"logprobs": "Ollama returns none"}

            def config(self, upstream: FakeUpstream) -> OllamaConfig:
                return OllamaConfig(base_url=upstream.url, api_key=SecretStr("sk-of-the-kit"))

    Cases cannot be overridden. One that does not apply is named in ``unsupported``, alone or by a feature that several
    share, with a reason that is printed.

    Attributes:
        provider: The record that the plugin's hook returns.
        dialect: What the provider's upstream speaks. ``None`` where the provider runs its model itself: then no answer
            is known beforehand, the cases that need one are skipped, and the others run against the model.
        model: The model that requests name. Without an upstream, one that is there.
        unsupported: Cases or features, each with the reason.
        case_limit: Seconds that a case may take before its provider is said to hang.
        against: What the tests run against where that is no fake of the kit's, for tables of results.
    """

    provider: ClassVar[ProviderType]
    dialect: ClassVar[Dialect | None] = OPENAI
    model: ClassVar[str] = "kit-model"
    unsupported: ClassVar[Mapping[str, str]] = {}
    case_limit: ClassVar[float] = CASE_LIMIT
    against: ClassVar[str] = ""
    covers: ClassVar[tuple[Operation, ...]] = ()
    """The operations of this suite's own contract."""

    def config(self, upstream: FakeUpstream) -> BaseModel:
        """The provider's configuration.

        Give it a key where the provider takes one, so that the kit can see that the key is sent and never shown. Short
        timeouts are not needed: cases set the call's deadline.

        Args:
            upstream: Where the provider is to call; ``upstream.url`` is its base URL.
        """
        raise NotImplementedError(f"{type(self).__name__} must say with which configuration its provider is opened.")

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        for base in cls.__mro__[1:]:
            for name, value in vars(base).items():
                sealed = isinstance(getattr(value, _MARK, None), Case) or (base is Suite and name in _SEALED)
                if sealed and inspect.getattr_static(cls, name) is not value:
                    hint = f'say unsupported = {{"{name.removeprefix("test_")}": "why"}} where it does not apply'
                    raise TypeError(f"{cls.__name__} overrides the case {name} of {base.__name__}; {hint}.")
        _check_unsupported(cls)

    @classmethod
    def operations(cls) -> tuple[Operation, ...]:
        """The operations of all contracts that the class tests."""
        return tuple(dict.fromkeys(one for base in reversed(cls.__mro__) for one in vars(base).get("covers", ())))

    @classmethod
    def skipped(cls, this: Case, operation: Operation | None = None) -> str | None:
        """Why a case is not run, or ``None``."""
        names = [this.name, *sorted(this.features)]
        if operation is not None:
            names.insert(0, f"{this.name}[{operation.id}]")
        for name in names:
            if name in cls.unsupported:
                return f"{name}: {cls.unsupported[name]}"
        if cls.dialect is None:
            return None if this.unscripted else "there is no upstream: what the model says cannot be scripted"
        for feature in sorted(this.features):
            if feature in cls.dialect.lacks:
                return f"{feature}: {cls.dialect.name}'s dialect has no words for it ({cls.dialect.lacks[feature]})"
        return None

    async def perform(self, this: Case, operation: Operation | None = None) -> None:
        """Run one case.

        Raises:
            AssertionError: The provider does not do what the contract says.
        """
        arguments = () if operation is None else (operation,)
        limit = asyncio.timeout(self.case_limit)
        try:
            async with limit, open_bench(self, listening=this.listening) as bench:
                await this.body(self, bench, *arguments)
        except Exception as error:  # whatever a provider raises where it must answer is its failure, not the kit's
            if isinstance(error, AssertionError):
                raise
            if limit.expired():
                raise AssertionError(
                    f"The provider hangs: the case did not end within {self.case_limit:g} s."
                ) from error
            told = "".join(traceback.format_exception_only(error)).strip()
            raise AssertionError(f"An answer is due, and the provider raised {told}") from error

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a case that is about every operation once for each."""
        this = getattr(metafunc.function, _MARK, None)
        if isinstance(this, Case) and this.each is not None:
            chosen = [operation for operation in self.operations() if this.each(operation)]
            metafunc.parametrize("operation", chosen, ids=[operation.id for operation in chosen])


def _run(suite: Suite, this: Case, operation: Operation | None) -> None:
    __tracebackhide__ = True
    reason = suite.skipped(this, operation)
    if reason is not None:
        pytest.skip(reason)
    try:
        asyncio.run(suite.perform(this, operation))
    except AssertionError as error:
        error.add_note("\n" + inspect.cleandoc(this.body.__doc__ or ""))
        raise


def _check_unsupported(cls: type[Suite]) -> None:
    known: set[str] = set()
    for this in cases_of(cls):
        known |= {this.name, *this.features}
        if this.each is not None:
            known |= {f"{this.name}[{operation.id}]" for operation in cls.operations() if this.each(operation)}
    for name, reason in cls.unsupported.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3) or sorted({f for c in cases_of(cls) for f in c.features})
            raise TypeError(
                f"{cls.__name__}.unsupported names {name!r}, which is no case or feature (near: {', '.join(near)})."
            )
        if not str(reason or "").strip():
            raise TypeError(f"{cls.__name__}.unsupported gives no reason for {name!r}.")

"""The bench on which one case examines one opened provider."""

from __future__ import annotations

import asyncio
import itertools
import logging
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, SecretStr

from dinrail_core.api.call import Call
from dinrail_core.api.models import Model
from dinrail_core.api.providers import PluginStatus, ProviderStatus
from dinrail_core.errors import DinrailError, ModelNotFound, NotFound, NothingServes
from dinrail_core.hooks.context import Context, MayUse, Rail, Target
from dinrail_sdk.testing.dialects import OPENAI
from dinrail_sdk.testing.upstream import FakeUpstream
from dinrail_sdk.upstream.config import UpstreamConfig

if TYPE_CHECKING:
    from dinrail_sdk.testing.suite import Suite

__all__ = ["Bench", "EmptyRail", "attempt", "captured_logs", "expect", "open_bench"]

T = TypeVar("T")
E = TypeVar("E", bound=DinrailError)

CLOSE_LIMIT = 5.0
"""Seconds that a provider may take to close."""


class EmptyRail(Rail):
    """A rail with nothing on it, for a provider that is opened alone."""

    async def resolve(self, contract: type[T], model: str) -> Target[T]:
        raise NothingServes("The rail of the conformance kit is empty.")

    def provides(self, contract: type) -> bool:
        return False

    async def service(self, contract: type[T]) -> T:
        raise NothingServes("The rail of the conformance kit is empty.")

    async def models(self) -> Sequence[Model]:
        return ()

    async def model(self, model: str) -> Model:
        raise ModelNotFound("The rail of the conformance kit is empty.")

    async def providers(self) -> Sequence[ProviderStatus]:
        return ()

    async def provider(self, name: str) -> ProviderStatus:
        raise NotFound("The rail of the conformance kit is empty.")

    def plugins(self) -> Sequence[PluginStatus]:
        return ()

    def limited_to(self, may_use: MayUse) -> Rail:
        return self


class Bench:
    """What a case works with.

    Attributes:
        suite: Whose provider it is.
        upstream: What the provider calls; not listening where the suite says that there is none.
        config: The provider's configuration.
        provider: The opened provider.
        scripted: Whether there is an upstream, so that the case knows what the model says.
        logs: Everything that was logged since the provider was opened.
        folder: The instance's own folder.
    """

    def __init__(self, suite: Suite, upstream: FakeUpstream, config: BaseModel, logs: list[str]) -> None:
        self.suite = suite
        self.upstream = upstream
        self.config = config
        self.provider: Any = None
        self.scripted = suite.dialect is not None
        self.logs = logs
        self.folder = Path()
        self._stack = AsyncExitStack()
        self._others = asyncio.all_tasks()
        self._numbers = itertools.count(1)

    @property
    def model(self) -> str:
        """The model that requests name."""
        return self.suite.model

    @property
    def secrets(self) -> list[str]:
        """Every secret value in the configuration."""
        return [secret for secret in _secrets(self.config) if secret]

    def call(self, *, seconds: float = 10.0, key: str | None = None) -> Call:
        """A call.

        Args:
            seconds: Until its deadline.
            key: The caller's own key for the upstream.
        """
        return Call(
            request_id=f"kit-{next(self._numbers)}",
            deadline=time.time() + seconds,
            upstream_key=SecretStr(key) if key is not None else None,
        )

    @property
    def tasks(self) -> list[asyncio.Task[Any]]:
        """Tasks that run now and did not before the provider was opened."""
        return [task for task in asyncio.all_tasks() - self._others if not task.done()]

    async def open(self, folder: Path) -> None:
        """Open the provider as the host does."""
        self.folder = folder
        context = Context(name="kit", data_dir=folder, rail=EmptyRail())
        self.provider = await self._stack.enter_async_context(self.suite.provider.open(self.config, context))

    async def close(self) -> None:
        """Close the provider; safe to call again.

        Raises:
            AssertionError: It does not close within 5 s.
        """
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await self._stack.aclose()
        except TimeoutError:
            raise AssertionError(f"The provider does not close within {CLOSE_LIMIT:g} s.") from None


def _hurried(config: BaseModel) -> BaseModel:
    """The configuration with next to no time between tries, which would be half of what the suites take."""
    return config.model_copy(update={"retry_delay": 0.01}) if isinstance(config, UpstreamConfig) else config


@asynccontextmanager
async def open_bench(suite: Suite, *, listening: bool = True) -> AsyncIterator[Bench]:
    """Set up an upstream and open the suite's provider against it.

    Args:
        suite: The suite.
        listening: Whether the upstream is there when the provider opens.
    """
    upstream = FakeUpstream(suite.dialect or OPENAI, suite.model)
    if suite.dialect is not None:
        await upstream.start()
    bench: Bench | None = None
    with captured_logs() as logs, tempfile.TemporaryDirectory(prefix="dinrail-kit-") as folder:
        try:
            bench = Bench(suite, upstream, _hurried(suite.config(upstream)), logs)
            if not listening:
                await upstream.stop()
            await bench.open(Path(folder) / "data" / "providers" / "kit")
            yield bench
        finally:
            try:
                if bench is not None:
                    await bench.close()
            finally:
                await upstream.stop()


@contextmanager
def captured_logs() -> Iterator[list[str]]:
    """Collect everything that is logged, whatever the level."""
    root, lines = logging.getLogger(), list[str]()
    handler = _Collector(lines)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


class _Collector(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))


async def attempt(work: Any) -> tuple[Any, Exception | None]:
    """Await ``work`` and return its value, or what it raised."""
    try:
        return await work, None
    except Exception as error:  # a case looks at whatever a provider raises
        return None, error


async def expect(work: Any, *kinds: type[E], after: str) -> E:
    """Await ``work``, which must raise one of ``kinds``.

    Args:
        work: What is awaited.
        kinds: Classes of :mod:`dinrail_core.errors`.
        after: What the upstream did; begins the message.

    Raises:
        AssertionError: It raised something else, or nothing.
    """
    wanted = " or ".join(kind.__name__ for kind in kinds)
    value, error = await attempt(work)
    if error is None:
        raise AssertionError(f"{after}: {wanted} is due, but the provider answered {_short(value)}")
    if not isinstance(error, kinds):
        told = "".join(traceback.format_exception_only(error)).strip()
        raise AssertionError(f"{after}: {wanted} is due, but the provider raised {told}") from error
    return error


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 300 else f"{text[:300]}…"


def _secrets(value: object) -> Iterator[str]:
    """Every secret inside a configuration, however deep."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _secrets(item)

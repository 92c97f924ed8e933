"""Providers that fetch models wrongly."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from urllib.parse import unquote

import aiohttp
from honest_library import HonestLibrary

from dinrail_core.api.provider import PullProgress
from dinrail_core.errors import UpstreamError

WRONG_LIBRARIES: list[tuple[type[HonestLibrary], str]] = []


def caught_by(*cases: str):  # type: ignore[no-untyped-def]  # a decorator of classes
    def register(kind: type[HonestLibrary]) -> type[HonestLibrary]:
        WRONG_LIBRARIES.extend((kind, case) for case in cases)
        return kind

    return register


@caught_by("pull_declared")
class DeclaresNoLibrary(HonestLibrary):
    declared: frozenset[type] = frozenset()


@caught_by("pull_whole", "pull_again")
class NeverSaysThatItIsDone(HonestLibrary):
    def last(self, size: int) -> PullProgress:
        return PullProgress(0, None, "done")


@caught_by("pull_whole")
class RoundsDown(HonestLibrary):
    def last(self, size: int) -> PullProgress:
        return PullProgress(size // 4096 * 4096, size)


@caught_by("pull_content")
class LosesTheLastBytes(HonestLibrary):
    async def finish(self, part: Path, state: Path, target: Path) -> None:
        with part.open("r+b") as file:
            file.truncate(part.stat().st_size - 1)
        await super().finish(part, state, target)


@caught_by("pull_content")
class KeepsTheParts(HonestLibrary):
    async def finish(self, part: Path, state: Path, target: Path) -> None:
        shutil.copy(part, part.with_suffix(".copy"))
        await super().finish(part, state, target)


@caught_by("pull_progress")
class TellsPercent(HonestLibrary):
    def step(self, done: int, total: int) -> PullProgress:
        return PullProgress(100 * done // total, 100)


@caught_by("pull_progress")
class TellsOnlyTheEnd(HonestLibrary):
    async def fetch(self, url: str, target: Path) -> AsyncGenerator[PullProgress, None]:
        async for _ in super().fetch(url, target):
            pass
        yield PullProgress(target.stat().st_size, target.stat().st_size)


@caught_by("pull_progress")
class TellsWhatIsMissing(HonestLibrary):
    def step(self, done: int, total: int) -> PullProgress:
        return PullProgress(total - done, total)


@caught_by("pull_resumes")
class BeginsAnew(HonestLibrary):
    def resume(self, part: Path, state: Path) -> dict[str, str]:
        return {}


@caught_by("pull_resumes", "pull_changed_meanwhile")
class AppendsWhateverComes(HonestLibrary):
    """Asks for the rest, and appends the whole where the whole comes."""

    def part(self, target: Path) -> Path:
        self.target = target
        return super().part(target)

    def resume(self, part: Path, state: Path) -> dict[str, str]:
        self.before = part.read_bytes() if part.exists() else b""
        headers = super().resume(part, state)
        return {"If-Range": headers["If-Range"], "Range": "bytes=0-"} if headers else {}

    async def finish(self, part: Path, state: Path, target: Path) -> None:
        part.write_bytes(self.before + part.read_bytes())
        await super().finish(part, state, target)


@caught_by("pull_changed_meanwhile")
class MixesTwoFiles(HonestLibrary):
    def resume(self, part: Path, state: Path) -> dict[str, str]:
        headers = super().resume(part, state)
        headers.pop("If-Range", None)
        return headers


@caught_by("pull_again")
class FailsForWhatIsThere(HonestLibrary):
    async def fetch(self, url: str, target: Path) -> AsyncGenerator[PullProgress, None]:
        async for step in super().fetch(url, target):
            yield step
        target.touch()

    def file_name(self, path: str) -> str:
        name = super().file_name(path)
        if (self.folder / name).exists():
            raise FileExistsError(name)
        return name


@caught_by("pull_missing")
class TakesMissingForFailing(HonestLibrary):
    def refuse(self, status: int) -> None:
        super().refuse(500 if status == 404 else status)


@caught_by("pull_missing", "pull_failing")
class StoresErrorPages(HonestLibrary):
    def refuse(self, status: int) -> None:
        pass

    async def finish(self, part: Path, state: Path, target: Path) -> None:
        part.rename(target)


@caught_by("pull_failing", "pull_broken_off")
class LetsClientErrorsOutOfPulls(HonestLibrary):
    async def fetch(self, url: str, target: Path) -> AsyncGenerator[PullProgress, None]:
        async with self.session.get(url) as response:
            response.raise_for_status()
            target.write_bytes(await response.read())
        yield PullProgress(1, 1)


@caught_by("pull_broken_off")
class TakesAPartForTheWhole(HonestLibrary):
    async def fetch(self, url: str, target: Path) -> AsyncGenerator[PullProgress, None]:
        try:
            async for step in super().fetch(url, target):
                yield step
        except UpstreamError:
            target.touch()


@caught_by("pull_garbage")
class TakesAnythingForAModel(HonestLibrary):
    async def finish(self, part: Path, state: Path, target: Path) -> None:
        part.rename(target)
        state.unlink()


@caught_by("pull_garbage")
class KeepsTheGarbage(HonestLibrary):
    async def finish(self, part: Path, state: Path, target: Path) -> None:
        kept = part.read_bytes()
        try:
            await super().finish(part, state, target)
        except UpstreamError:
            part.write_bytes(kept)
            raise


@caught_by("pull_given_up")
class FetchesOnWhenGivenUp(HonestLibrary):
    async def fetch(self, url: str, target: Path) -> AsyncGenerator[PullProgress, None]:
        self.task = asyncio.ensure_future(self.rest(url, target))
        while not self.task.done():
            await asyncio.sleep(0.1)
            yield PullProgress(1, None)
        await self.task

    async def rest(self, url: str, target: Path) -> None:
        async for _ in super().fetch(url, target):
            pass


@caught_by("pull_given_up")
class StaysBusyWhenGivenUp(HonestLibrary):
    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        ended = False
        try:
            async with aclosing(super().pull(name)) as steps:
                async for step in steps:
                    yield step
            ended = True
        finally:
            if not ended:
                self.busy.add(name)


@caught_by("pull_twice_at_once")
class WritesTwiceAtOnce(HonestLibrary):
    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        self.busy.clear()
        async for step in super().pull(name):
            yield step
            self.busy.clear()


@caught_by("pull_stays_inside")
class FollowsThePath(HonestLibrary):
    def file_name(self, path: str) -> str:
        return unquote(path).lstrip("/")


@caught_by("pull_nonsense")
class TakesAnyName(HonestLibrary):
    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        try:
            async with self.session.get(name) as response:
                await response.read()
        except aiohttp.InvalidURL:
            raise ValueError(name) from None
        async for step in super().pull(name):
            yield step


@caught_by("pull_loop_stays_free")
class ChecksOnTheLoop(HonestLibrary):
    async def finish(self, part: Path, state: Path, target: Path) -> None:
        time.sleep(0.1)
        await super().finish(part, state, target)

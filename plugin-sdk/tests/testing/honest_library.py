"""A provider that fetches models and does everything right; made to be broken like the other one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiohttp
from honest_provider import HonestConfig, open_session

from dinrail_core.api.provider import ModelLibrary, PullProgress
from dinrail_core.errors import (
    Conflict,
    InvalidRequest,
    NotFound,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamUnavailable,
)
from dinrail_core.hooks import Context, ProviderType

MAGIC = b"GGUF"


class HonestLibrary(ModelLibrary):
    def __init__(self, folder: Path, session: aiohttp.ClientSession) -> None:
        self.folder = folder
        self.session = session
        self.busy: set[str] = set()

    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        parts = urlsplit(name)
        if parts.scheme != "http" or not parts.path.endswith(".gguf"):
            raise InvalidRequest("A model's name is http://HOST/FILE.gguf.")
        if name in self.busy:
            raise Conflict("It is being fetched already.")
        self.busy.add(name)
        try:
            target = self.folder / self.file_name(parts.path)
            if not target.exists():
                async for step in self.fetch(name, target):
                    yield step
            size = target.stat().st_size
            yield self.last(size)
        finally:
            self.busy.discard(name)

    def last(self, size: int) -> PullProgress:
        return PullProgress(size, size)

    def file_name(self, path: str) -> str:
        return Path(unquote(path)).name

    def part(self, target: Path) -> Path:
        return target.with_name(f".{target.name}.part")

    async def fetch(self, url: str, target: Path) -> AsyncGenerator[PullProgress, None]:
        part, state = self.part(target), target.with_name(f".{target.name}.json")
        headers = self.resume(part, state)
        try:
            async with self.session.get(url, headers=headers) as response:
                self.refuse(response.status)
                start = part.stat().st_size if response.status == 206 else 0
                total = start + (response.content_length or 0)
                state.write_text(json.dumps({"etag": response.headers.get("ETag")}), encoding="utf-8")
                done = start
                with part.open("ab" if start else "wb") as file:
                    async for read in response.content.iter_chunked(64 * 1024):
                        file.write(read)
                        done += len(read)
                        yield self.step(done, total)
        except aiohttp.ClientError as error:
            raise UpstreamUnavailable(f"It breaks off ({type(error).__name__}).") from None
        await self.finish(part, state, target)

    def step(self, done: int, total: int) -> PullProgress:
        return PullProgress(done, total)

    def resume(self, part: Path, state: Path) -> dict[str, str]:
        if not part.exists() or not state.exists():
            return {}
        return {
            "Range": f"bytes={part.stat().st_size}-",
            "If-Range": json.loads(state.read_text(encoding="utf-8"))["etag"],
        }

    def refuse(self, status: int) -> None:
        if status == 404:
            raise NotFound("There is no such file.")
        if status not in (200, 206):
            raise UpstreamFailed(f"It answers {status}.")

    async def finish(self, part: Path, state: Path, target: Path) -> None:
        with part.open("rb") as file:
            good = await asyncio.to_thread(file.read, len(MAGIC)) == MAGIC
        if not good:
            part.unlink()
            raise UpstreamInvalid("That is no model.")
        part.rename(target)
        state.unlink()


def library_type(kind: type[HonestLibrary], apis: frozenset[type] = frozenset({ModelLibrary})) -> ProviderType:
    def make(config: HonestConfig, context: Context, session: aiohttp.ClientSession) -> Any:
        return kind(context.folder(), session)

    return ProviderType(name="library", config=HonestConfig, apis=apis, open=open_session(make))

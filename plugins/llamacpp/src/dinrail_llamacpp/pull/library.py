"""``dinrail models pull``: what is fetched, into the instance's folder."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from pathlib import Path

from dinrail_core.api.provider import PullProgress
from dinrail_core.errors import Conflict
from dinrail_core.hooks import Context
from dinrail_llamacpp.catalogue import CATALOGUE
from dinrail_llamacpp.found import installed_file, models_folder
from dinrail_llamacpp.locks import NO_LOCKS, try_lock
from dinrail_llamacpp.plugin import LlamaCppConfig
from dinrail_llamacpp.pull.download import Download, Progress, sha256_of
from dinrail_llamacpp.pull.names import FromPackage, FromUrl, parse
from dinrail_llamacpp.pull.package import fetch_member

__all__ = ["Library"]

_TELL = 0.2


class Library:
    """Fetches models for one instance.

    Args:
        config: The operator's.
        context: The instance's.
    """

    def __init__(self, config: LlamaCppConfig, context: Context) -> None:
        self._config = config
        self._context = context

    async def pull(self, name: str) -> AsyncGenerator[PullProgress, None]:
        """See :meth:`~dinrail_core.api.provider.ModelLibrary.pull`.

        A file that is there already is fetched again only if it is known not to be the one that the name stands for.

        Raises:
            Conflict: The same model is being fetched already.
            InvalidRequest: The name is of a known form, and something about it is wrong.
        """
        source = parse(name, hub_url=str(self._config.hub_url))
        folder = models_folder(self._context.folder())
        folder.mkdir(exist_ok=True, mode=0o700)
        target = folder / f"{source.model}.gguf"
        progress = Progress()
        lock = try_lock(folder / f".{source.model}.lock")
        if lock is None:
            raise Conflict(f"'{source.model}' is being fetched already.")
        try:
            work = asyncio.create_task(asyncio.to_thread(self._work, source, target, progress))
            try:
                while not work.done():
                    await asyncio.wait({work}, timeout=_TELL)
                    yield PullProgress(progress.done, progress.total, progress.note)
                await work
            finally:
                progress.stop.set()
                await asyncio.gather(work, return_exceptions=True)
        finally:
            if lock != NO_LOCKS:
                os.close(lock)
        yield PullProgress(progress.done, progress.total, "")

    def _work(self, source: FromUrl | FromPackage, target: Path, progress: Progress) -> None:
        """Fetch it; in a thread."""
        if isinstance(source, FromUrl):
            token = self._config.hub_token if source.hub else None
            Download(
                source.url,
                target,
                sha256=source.sha256,
                token=token.get_secret_value() if token is not None else None,
                ask_hub=source.hub,
            ).fetch(progress)
            return
        entry = CATALOGUE.get(source.model)
        installed = installed_file(source.model) if entry is not None and entry.package == source.package else None
        there = installed or (target if target.is_file() else None)
        if there is not None and (source.sha256 is None or sha256_of(there, progress) == source.sha256):
            progress.total = progress.done = there.stat().st_size
            return
        fetch_member(source, target, progress)

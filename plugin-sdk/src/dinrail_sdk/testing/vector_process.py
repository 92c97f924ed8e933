"""Uses a vector index from a process of its own, for the cases about two of them.

Run as a program: on standard input a pickled :class:`Errand` of the test that started it.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from dinrail_core.api.vector_index import VectorIndex, VectorRecord
from dinrail_core.hooks.context import Context
from dinrail_core.hooks.records import ProviderType
from dinrail_sdk.testing.bench import EmptyRail

__all__ = ["Errand", "in_another_process", "start_errand"]

DONE = b"done\n"
_LIMIT = 90.0


@dataclass(frozen=True, slots=True)
class Errand:
    """What the other process does, in this order.

    Attributes:
        provider: The provider's record; its functions are found by name.
        config: Its configuration.
        folder: The instance's folder.
        collection: Where.
        upserts: What is put in, a call each.
        deletes: Ids that are removed then.
        dies: Whether the process ends on the spot then, as if it were killed.
    """

    provider: ProviderType
    config: BaseModel
    folder: Path
    collection: str
    upserts: Sequence[Sequence[VectorRecord]] = ()
    deletes: Sequence[str] = ()
    dies: bool = False


async def start_errand(errand: Errand) -> asyncio.subprocess.Process:
    """Start the other process; it prints ``done`` when it has done everything."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(sys.path) + pickle.dumps(errand))
    process.stdin.close()
    return process


async def in_another_process(errand: Errand) -> None:
    """Do something with the index in another process, and wait until that has ended.

    Raises:
        AssertionError: It failed.
    """
    process = await start_errand(errand)
    try:
        async with asyncio.timeout(_LIMIT):
            told, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert told == DONE, "The index fails in another process; its error is printed above."


async def _run(errand: Errand) -> None:
    context = Context(name="kit", data_dir=errand.folder, rail=EmptyRail())
    async with errand.provider.open(errand.config, context) as index:
        assert isinstance(index, VectorIndex)
        for records in errand.upserts:
            await index.upsert(errand.collection, records)
        if errand.deletes:
            await index.delete(errand.collection, errand.deletes)
        os.write(1, DONE)
        if errand.dies:
            os._exit(0)


def _main() -> None:
    sys.path[:] = pickle.load(sys.stdin.buffer)  # noqa: S301  # written by the test that started this
    asyncio.run(_run(pickle.load(sys.stdin.buffer)))  # noqa: S301  # written by the test that started this


if __name__ == "__main__":
    _main()

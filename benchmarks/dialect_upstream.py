"""A model server that speaks one of the dialects of the SDK's kit, at the pace of a paced stream.

``python -m benchmarks.dialect_upstream anthropic:ANTHROPIC_WIRE``. What it says is :func:`said`; it runs in a process
of its own, whose processor time is not counted.
"""

from __future__ import annotations

import asyncio
import importlib
import sys

from benchmarks.upstream import RATE
from dinrail_sdk.testing import Asked, Delivery, Dialect, FakeUpstream, Say, Script, Spoken
from dinrail_sdk.testing.script import improvise

__all__ = ["MODEL", "dialect_of", "said"]

MODEL = "kit-model"
_PIECE = 5


def said(chunks: int) -> str:
    """A text that comes in so many pieces."""
    return "".join(f"{number % 10_000:04} " for number in range(chunks))


def dialect_of(name: str) -> Dialect:
    """A dialect by its module in the kit and its name there, with a colon between."""
    module, _, attribute = name.partition(":")
    found = getattr(importlib.import_module(f"dinrail_sdk.testing.dialects.{module}"), attribute)
    assert isinstance(found, Dialect)
    return found


def _say(asked: Asked) -> Script:
    if asked.api != "chat":
        return improvise(asked, MODEL)
    return Spoken(choices=(Say(text=said(int(asked.settings["max_tokens"])), piece=_PIECE),))


async def _serve(name: str) -> None:
    async with FakeUpstream.open(dialect_of(name), MODEL) as upstream:
        upstream.says(_say, Delivery(pause=1 / RATE))
        print(f"listening on {upstream.origin}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))

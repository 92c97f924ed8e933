"""The bare relay with one fault on purpose, for tests of the benchmarks: ``python faulty_relay.py FAULT UPSTREAM``."""

from __future__ import annotations

import runpy
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop
from aiohttp import web

BARE = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "relay.py"))
relay: Callable[[web.Request], Awaitable[web.StreamResponse]] = BARE["relay"]
held: list[bytearray] = []


async def slow(request: web.Request) -> web.StreamResponse:
    """Burn ten times the processor time that a request costs."""
    until = time.thread_time() + 0.0015
    while time.thread_time() < until:
        pass
    return await relay(request)


async def garbled(request: web.Request) -> web.StreamResponse:
    """Answer something else than the upstream said."""
    await relay(request)
    return web.json_response({"choices": []})


async def hungry(request: web.Request) -> web.StreamResponse:
    """Keep a tenth of a megabyte of each request."""
    held.append(bytearray(b"x" * 100_000))
    return await relay(request)


FAULTS = {"slow": slow, "garbled": garbled, "hungry": hungry, "none": relay}

if __name__ == "__main__":
    fault, upstream = sys.argv[1:]
    if fault == "fat":
        held.append(bytearray(b"x" * 100 * 1024 * 1024))
    if fault == "lazy":
        until = time.process_time() + 0.5
        while time.process_time() < until:
            pass
    BARE["main"].__globals__["relay"] = FAULTS.get(fault, relay)
    uvloop.run(BARE["main"](upstream))

"""A server's whole life in one process: open the rail, listen, drain, close."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from dinrail_core.host import Host, Plan
from dinrail_server.access_log import AccessLog
from dinrail_server.admission import authenticator_of, check_guarded
from dinrail_server.app import App
from dinrail_server.banner import first_line, overview
from dinrail_server.config import ServerConfig
from dinrail_server.metrics import SharedFigures
from dinrail_server.serving import listening
from dinrail_server.stopping import Stop

__all__ = ["Announce", "run_loop", "serve"]

Announce = Callable[[str], None]
"""Takes lines for the operator."""

_PUBLISH_EVERY = 1.0
_KEPT_BLOCK = 8 * 1024 * 1024


async def serve(
    plan: Plan,
    config: ServerConfig,
    sock: socket.socket,
    stop: Stop,
    announce: Announce,
    figures: SharedFigures | None = None,
) -> None:
    """Serve until ``stop`` says otherwise.

    Args:
        plan: What to open.
        config: ``[server]``.
        sock: The bound socket.
        stop: When to stop, and how soon.
        announce: Given the line that says where the server is as soon as it listens, and what there is a little later.
        figures: Where workers share their figures.

    Raises:
        ConfigurationError: Everybody who reaches the address would be served.
    """
    log = AccessLog() if config.access_log else None
    try:
        with stop.cancels_current_task():
            async with Host.open(plan) as host:
                identity = await authenticator_of(host.rail)
                check_guarded(config, identity)
                app = App(host.rail, host.routes(), config, log, identity)
                async with (
                    listening(app, config, sock) as serving,
                    _sharing(app, figures),
                    _telling(host, serving.url, announce),
                ):
                    stop.spare_task()
                    _collect_from_now_on()
                    await stop.asked.wait()
                    await serving.drain(stop.urgent)
    finally:
        if log is not None:
            log.close()


def run_loop(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on uvloop, or on asyncio's own loop where there is no uvloop (Windows)."""
    _keep_freed_blocks()
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main)


def _collect_from_now_on() -> None:
    """Collect garbage again, where the command has put it off, and never look at what the start has made."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _keep_freed_blocks() -> None:
    """Teach the allocator to keep what large bodies have used.

    glibc gives blocks of more than 128 KiB back to the kernel as soon as they are free, and getting them again costs a
    page fault for every 4 KiB: half of the time of relaying an answer of embeddings. A larger block that is freed once
    raises that limit to its size, and that of what is kept altogether to twice as much (``man 3 mallopt``). The block
    itself is never touched, so it takes no memory; other allocators do not mind.
    """
    bytes(_KEPT_BLOCK)


@asynccontextmanager
async def _telling(host: Host, url: str, announce: Announce) -> AsyncIterator[None]:
    """Say where the server is at once, and what there is as soon as the providers have answered."""
    announce(first_line(url))

    async def tell() -> None:
        announce(await overview(host.rail, url))

    async with _beside(tell()):
        yield


@asynccontextmanager
async def _sharing(app: App, shared: SharedFigures | None) -> AsyncIterator[None]:
    """Leave the figures where the other workers find them, now and then and at the end."""
    if shared is None:
        yield
        return
    app.shared = shared

    async def publish() -> None:
        while True:
            await asyncio.to_thread(shared.publish, await app.snapshot())
            await asyncio.sleep(_PUBLISH_EVERY)

    try:
        async with _beside(publish()):
            yield
    finally:
        shared.publish(await app.snapshot())


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})

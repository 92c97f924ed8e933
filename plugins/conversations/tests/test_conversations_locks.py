"""One writer at a time, in all processes, until it is done or dead."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from talk import ANN, add, begin, heard, listed, message, text_of
from test_conversations_service import item_of

from dinrail_core.api.conversations import LOCKED, Conversations, UpdateConversation
from dinrail_core.errors import Conflict, NotFound
from dinrail_sdk.testing import open_rail

WRITER = Path(__file__).parent / "writer.py"


async def refused(attempt: Any) -> None:
    with pytest.raises(Conflict) as conflict:
        await attempt
    assert conflict.value.code == LOCKED


async def test_while_one_writes_nobody_else_does_and_everybody_reads(conversations: Conversations) -> None:
    found = await begin(conversations, "a")
    (item_id,) = await add(conversations, found, message("b"))
    async with conversations.lock(found, ANN) as lock:
        await refused(conversations.lock(found, ANN).__aenter__())
        await refused(add(conversations, found, message("x")))
        await refused(conversations.append(found, [item_of("x", "msg_x")], ANN))
        await refused(conversations.delete_item(found, item_id, ANN))
        await refused(conversations.delete(found, ANN))
        await conversations.append(found, [item_of("c", "msg_c")], ANN, lock)
        assert [text_of(item) for item in await heard(conversations, found)] == ["a", "b", "c"]
        assert len((await listed(conversations, found))["data"]) == 3
        await conversations.update(found, UpdateConversation(metadata={"k": "v"}), ANN)
        await conversations.append(found, [item_of("d", "msg_d")], ANN, lock)
    await add(conversations, found, message("e"))
    assert [text_of(item) for item in await heard(conversations, found)] == ["a", "b", "c", "d", "e"]


async def test_a_lock_is_given_back_whatever_happens_and_is_of_no_use_afterwards(conversations: Conversations) -> None:
    found = await begin(conversations)
    with pytest.raises(ZeroDivisionError):
        async with conversations.lock(found, ANN) as lock:
            raise ZeroDivisionError
    await refused(conversations.append(found, [item_of("x", "msg_x")], ANN, lock))

    entered = asyncio.Event()

    async def hold() -> None:
        async with conversations.lock(found, ANN):
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await entered.wait()
    task.cancel()
    await asyncio.wait({task})
    async with conversations.lock(found, ANN):
        pass


async def test_whoever_leaves_while_taking_a_lock_leaves_it_free(conversations: Conversations) -> None:
    found = await begin(conversations)
    for turns in range(12):
        task = asyncio.create_task(conversations.lock(found, ANN).__aenter__())
        for _ in range(turns):
            await asyncio.sleep(0)
        if task.done():
            break
        task.cancel()
        await asyncio.wait({task})
        async with conversations.lock(found, ANN):
            pass


async def test_a_lock_holds_beyond_its_lease_as_long_as_its_holder_lives(conversations: Conversations) -> None:
    found = await begin(conversations)
    async with conversations.lock(found, ANN) as lock:
        end = time.monotonic() + 1.6  # the lease is a second
        while time.monotonic() < end:
            await refused(add(conversations, found, message("x")))
            await asyncio.sleep(0.1)
        await conversations.append(found, [item_of("a", "msg_a")], ANN, lock)


async def test_a_lock_ends_with_its_conversation(conversations: Conversations) -> None:
    found = await begin(conversations)
    with pytest.raises(NotFound):
        async with conversations.lock("conv_0", ANN):
            raise AssertionError
    async with conversations.lock(found, ANN):
        pass
    await conversations.delete(found, ANN)


@asynccontextmanager
async def other_process(config: dict[str, Any], conversation_id: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that holds the lock, and writes with it a line later."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        WRITER,
        json.dumps(config),
        conversation_id,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"held\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def taken_over(conversations: Conversations, conversation_id: str) -> float:
    """Write as soon as that is possible; the seconds that it took."""
    started = time.monotonic()
    while True:
        try:
            await add(conversations, conversation_id, message("after"))
        except Conflict:
            assert time.monotonic() - started < 30
            await asyncio.sleep(0.05)
        else:
            return time.monotonic() - started


async def test_the_lock_of_a_killed_process_is_free_when_its_lease_ends(config: dict[str, Any]) -> None:
    async with open_rail(plugins=("database", "conversations"), config=config) as rail:
        conversations = await rail.service(Conversations)
        found = await begin(conversations, "before")
        async with other_process(config, found) as process:
            await refused(add(conversations, found, message("x")))
            process.kill()
            await process.wait()
        assert await taken_over(conversations, found) < 5
        assert [text_of(item) for item in await heard(conversations, found)] == ["before", "after"]


async def test_a_process_that_stood_still_cannot_go_on_where_others_have_spoken(config: dict[str, Any]) -> None:
    async with open_rail(plugins=("database", "conversations"), config=config) as rail:
        conversations = await rail.service(Conversations)
        found = await begin(conversations, "before")
        async with other_process(config, found) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.send_signal(signal.SIGSTOP)
            try:
                await taken_over(conversations, found)
            finally:
                process.send_signal(signal.SIGCONT)
            process.stdin.write(b"write\n")
            assert await asyncio.wait_for(process.stdout.readline(), 60) == f"{LOCKED}\n".encode()
        assert [text_of(item) for item in await heard(conversations, found)] == ["before", "after"]
        async with conversations.lock(found, ANN):
            pass

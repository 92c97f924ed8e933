"""A process that writes to conversations, for tests that kill it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from talk import ANN, add, begin, message

from dinrail_core.api.conversations import Conversations
from dinrail_core.errors import Conflict, Unavailable
from dinrail_sdk.testing import open_rail


async def hold(service: Conversations, conversation_id: str) -> None:
    """Hold the lock; when told, write with it and say how that went."""
    from test_conversations_service import item_of

    async with service.lock(conversation_id, ANN) as lock:
        print("held", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        try:
            await service.append(conversation_id, [item_of("held", "msg_held")], ANN, lock)
        except Conflict as conflict:
            print(conflict.code, flush=True)
        else:
            print("written", flush=True)


async def write(service: Conversations, name: str) -> None:
    """Write until killed; say what was acknowledged."""

    async def one(number: int) -> None:
        key = await begin(service, metadata={"by": name})
        print("begun", key, flush=True)
        for batch in range(1000):
            texts = [f"{name} {number} {batch} {part}" for part in range(3)]
            ids = await add(service, key, *map(message, texts))
            print("added", key, *ids, flush=True)
            if batch % 3 == 2:
                await service.delete_item(key, ids[0], ANN)
                print("deleted", key, ids[0], flush=True)
            if batch % 10 == 9:
                gone = await begin(service, "x")
                await service.delete(gone, ANN)
                print("gone", gone, flush=True)

    await asyncio.gather(*(one(number) for number in range(4)))


async def main(what: str, config: dict[str, Any], argument: str) -> None:
    for attempt in range(5):
        async with open_rail(plugins=("database", "conversations"), config=config) as rail:
            try:
                service = await rail.service(Conversations)
            except Unavailable:
                if attempt == 4:
                    raise
                continue  # on a machine that does much else, the ten seconds for opening may pass
            await (hold if what == "hold" else write)(service, argument)
            return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]))

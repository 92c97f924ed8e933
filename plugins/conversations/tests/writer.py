"""A process that holds the lock of a conversation, for tests that stop and kill it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from talk import ANN

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


async def main(config: dict[str, Any], conversation_id: str) -> None:
    for attempt in range(5):
        async with open_rail(plugins=("database", "conversations"), config=config) as rail:
            try:
                service = await rail.service(Conversations)
            except Unavailable:
                if attempt == 4:
                    raise
                continue  # on a machine that does much else, the ten seconds for opening may pass
            await hold(service, conversation_id)
            return


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), sys.argv[2]))

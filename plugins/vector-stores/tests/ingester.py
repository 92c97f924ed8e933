"""A process that takes files in, for tests that kill it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from shop import open_shop


async def main(config: dict[str, Any], store_id: str) -> None:
    """Take up what waits until killed, and say how far the store is."""
    async with open_shop(config) as shop:
        print("open", flush=True)
        while True:
            counts = (await shop.get(store_id)).file_counts
            print(counts.completed, flush=True)
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), sys.argv[2]))

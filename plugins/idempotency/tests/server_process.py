"""A server in a process of its own, for tests that kill it."""

from __future__ import annotations

import asyncio
import json
import sys

from dinrail_sdk.testing import serve


async def main() -> None:
    async with serve(plugins=json.loads(sys.argv[2]), config=json.loads(sys.argv[1])) as served:
        print(served.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())

"""How a case is run: ``python FILE CASE URL MODEL [MORE …]`` prints what came of it as JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

__all__ = ["MODEL", "MORE", "URL", "run"]

_CASE, URL, MODEL, *MORE = sys.argv[1:]


def run(cases: Mapping[str, Callable[[], Awaitable[Any]]]) -> None:
    """Run the case that was named."""

    async def case() -> Any:
        return await cases[_CASE]()

    print(json.dumps(asyncio.run(case())))

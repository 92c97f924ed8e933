"""One provider, opened without a host, for tests of what is its own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dinrail_core.hooks.context import Context
from dinrail_core.hooks.records import ProviderType
from dinrail_sdk.testing.bench import EmptyRail

__all__ = ["open_alone"]


@asynccontextmanager
async def open_alone(record: ProviderType, config: Mapping[str, object]) -> AsyncIterator[Any]:
    """A provider as the host would open it, on a rail with nothing else.

    Args:
        record: What the plugin's hook returns.
        config: Its configuration, as a file would say it; checked first.

    Raises:
        ValidationError: The configuration is not one.
    """
    with tempfile.TemporaryDirectory(prefix="dinrail-kit-") as folder:
        context = Context(name="kit", data_dir=Path(folder), rail=EmptyRail())
        async with record.open(record.config.model_validate(config), context) as provider:
            yield provider

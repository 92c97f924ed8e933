"""What importing the SDK must not load."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("aiohttp", "httptools", "orjson", "asyncio", "ssl", "numpy", "pytest")


@pytest.mark.parametrize("module", ["dinrail_sdk", "dinrail_sdk.providers", "dinrail_sdk.sse", "dinrail_sdk.upstream"])
def test_the_engine_is_loaded_by_connecting_alone(module: str) -> None:
    code = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []

"""The served description against OpenAI's, property by property, by a script that is not ours."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from dinrail_sdk.testing.served import serve

SPEC = Path(__file__).parents[3] / "shared" / "spec"
"""Beside the checkout; the specifications are not part of the product."""

SCRIPT = SPEC / "openapi_conformance.py"
LEAST = 97.0

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="the reference specifications are not beside the checkout")


def score(description: Path, tmp_path: Path) -> tuple[float, str]:
    """The score in percent, and what the script prints."""
    found = tmp_path / "score.json"
    command = [sys.executable, str(SCRIPT), str(SPEC / "openai-2.3.0.json"), str(description), "--prefix", "/v1"]
    references = ["--responses-ref", str(SPEC / "open-responses-2026-04-24.json"), "--list", "--json", str(found)]
    printed = subprocess.run([*command, *references], check=True, capture_output=True, text=True).stdout
    return json.loads(found.read_text())["score"], printed


async def described(tmp_path: Path) -> Path:
    """The description of everything that the server has routes for, as it serves it."""
    file = tmp_path / "openapi.json"
    async with serve() as served:
        await asyncio.to_thread(urllib.request.urlretrieve, f"{served.origin}/openapi.json", file)
    return file


async def test_what_is_served_is_described_as_openai_describes_it(tmp_path: Path) -> None:
    reached, printed = score(await described(tmp_path), tmp_path)
    print(printed.splitlines()[0])  # the endpoints beside the score
    assert reached >= LEAST, printed


async def test_a_field_that_is_lost_lowers_the_score(tmp_path: Path) -> None:
    file = await described(tmp_path)
    whole, _ = score(file, tmp_path)
    description = json.loads(file.read_text())
    for schema in description["components"]["schemas"].values():
        schema.get("properties", {}).pop("usage", None)
    file.write_text(json.dumps(description))
    assert score(file, tmp_path)[0] < whole

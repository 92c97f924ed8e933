"""WebSockets, whatever is said through them."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest

from dinrail_sdk.testing import serve

PLUGINS = ("blobs", "conversations", "database", "files", "jobs", "responses")


async def test_a_connection_that_has_stood_long_enough_is_told_so_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dinrail_server.routes.responses._LONGEST_TALK", 0.2)
    async with (
        serve(plugins=PLUGINS, config={"data_dir": str(tmp_path)}) as served,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{served.url}/responses") as socket,
    ):
        error = json.loads((await socket.receive(20)).data)
        assert (error["type"], error["error"]["code"]) == ("error", "websocket_connection_limit_reached")
        assert error["status"] == 400
        assert (await socket.receive(20)).type is aiohttp.WSMsgType.CLOSE


async def test_a_message_of_bytes_is_not_taken(tmp_path: Path) -> None:
    async with (
        serve(plugins=PLUGINS, config={"data_dir": str(tmp_path)}) as served,
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{served.url}/responses") as socket,
    ):
        await socket.send_bytes(b"{}")
        assert (await socket.receive(20)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.UNSUPPORTED_DATA

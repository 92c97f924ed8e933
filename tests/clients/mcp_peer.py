"""A server of tools that adds numbers, in a process of its own; it prints its address."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from mcp.server.mcpserver import MCPServer


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


async def main() -> None:
    tools: MCPServer[Any] = MCPServer("sums")
    tools.tool()(add)
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp", flush=True)
    config = uvicorn.Config(tools.streamable_http_app(), log_level="critical", ws="none", lifespan="on")
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main())

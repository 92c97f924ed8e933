"""The yardstick: the bare relay that one would write by hand with aiohttp and uvloop, bytes in and bytes out.

It knows no model, no error, no limit and no log. It runs by itself, ``python relay.py UPSTREAM``, and imports nothing
of ours, so that its start is its own.
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

UPSTREAM = web.AppKey("UPSTREAM", str)
SESSION = web.AppKey("SESSION", ClientSession)


async def relay(request: web.Request) -> web.StreamResponse:
    """Send the body on, and the answer back."""
    body = await request.read()
    headers = {"Content-Type": request.headers["Content-Type"]}
    async with request.app[SESSION].post(request.app[UPSTREAM] + request.path, data=body, headers=headers) as upstream:
        headers = {"Content-Type": upstream.headers["Content-Type"]}
        if upstream.content_type != "text/event-stream":
            return web.Response(body=await upstream.read(), status=upstream.status, headers=headers)
        response = web.StreamResponse(status=upstream.status, headers=headers)
        await response.prepare(request)
        async for read in upstream.content.iter_any():
            await response.write(read)
        await response.write_eof()
        return response


async def main(upstream: str) -> None:
    """Serve on a free port until killed, and print where."""
    connector = TCPConnector(limit=0)
    async with ClientSession(connector=connector, timeout=ClientTimeout(total=600)) as session:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app[UPSTREAM] = upstream
        app[SESSION] = session
        app.router.add_post("/{path:.*}", relay)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))

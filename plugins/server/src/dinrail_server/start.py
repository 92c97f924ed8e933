"""From flags and files to a running server."""

from __future__ import annotations

import socket

from dinrail_core.host import Plan
from dinrail_server.config import ServerConfig
from dinrail_server.logs import set_up_logging
from dinrail_server.run import run_loop, serve
from dinrail_server.serving import bind, tls_context
from dinrail_server.stopping import Stop

__all__ = ["run_server"]


def run_server(plan: Plan) -> int:
    """Serve until a signal says otherwise.

    Args:
        plan: What is served.

    Returns:
        The exit code.

    Raises:
        ConfigurationError: The server cannot start like this.
    """
    config = plan.sections["server"]
    assert isinstance(config, ServerConfig)
    tls_context(config.tls)  # a bad certificate is an error of the start, not of the first worker
    set_up_logging(config.log_level)
    with bind(config) as sock:
        if config.workers > 1:
            from dinrail_server.workers import Parent

            return Parent(plan, config, sock, _say).run()
        run_loop(_alone(plan, config, sock))
    return 0


async def _alone(plan: Plan, config: ServerConfig, sock: socket.socket) -> None:
    stop = Stop()
    with stop.signals():
        await serve(plan, config, sock, stop, _say)


def _say(text: str) -> None:
    print(text, flush=True)

"""What can go wrong between us and a server, beside the errors that it tells by the protocol (``MCPError``)."""

from __future__ import annotations

__all__ = ["HttpFailure", "McpFailure", "ServerGone", "SessionLost"]


class McpFailure(Exception):
    """The root of what is raised here.

    Args:
        message: One sentence for the model and for people.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class HttpFailure(McpFailure):
    """The server could not be reached, or answered with a status that is no success.

    Args:
        status: The HTTP status; 502 where there was no answer, 504 where it came too late.
        message: As for :class:`McpFailure`.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class SessionLost(McpFailure):
    """The server has forgotten the session and did nothing: what was asked can be asked again in a new one."""


class ServerGone(McpFailure):
    """What spoke with us has ended; whether it did what was asked is not known."""

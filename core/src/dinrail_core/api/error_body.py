"""The body of every error, in OpenAI's shape."""

from dinrail_core.api.wire import Wire

__all__ = ["ErrorBody", "ErrorDetail"]


class ErrorDetail(Wire):
    """What went wrong."""

    message: str
    """For people."""
    type: str
    """The kind, such as ``invalid_request_error``."""
    param: str | None = None
    """The field of the request that caused it, dotted (``messages.0.content``)."""
    code: str | None = None
    """Stable, for programs."""


class ErrorBody(Wire):
    """The body of an answer whose status is 4xx or 5xx."""

    error: ErrorDetail

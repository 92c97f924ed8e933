"""Everything that Dinrail raises on purpose, and what each means.

::

    DinrailError
    ├── RequestError                the caller can mend it
    │   ├── InvalidRequest          a field is missing, malformed or out of range
    │   │   ├── UnsupportedFeature  well-formed, but this model or provider cannot do it
    │   │   ├── ContextLengthExceeded  the input does not fit into the model
    │   │   └── ContentFiltered     refused for its content
    │   ├── Unauthenticated         no credentials, or none that are known
    │   ├── PermissionDenied        known, but not allowed
    │   ├── NotFound                no such object, or not the caller's
    │   │   └── ModelNotFound       no such model, or it does not serve this API
    │   ├── NothingServes           no installed provider or service fulfils a contract
    │   ├── Conflict                the object is in a state that forbids it
    │   ├── KeyReused               an idempotency key came with another request
    │   ├── TooLarge                over a size limit
    │   └── RateLimited             too many requests; carries ``retry_after``
    ├── UpstreamError               a system behind a provider failed
    │   ├── UpstreamRefused         it does not accept *our* credentials
    │   ├── UpstreamInvalid         it answered something that its protocol does not allow
    │   ├── UpstreamFailed          it said that it failed
    │   ├── UpstreamUnavailable     it cannot be reached, or says that it is overloaded
    │   └── UpstreamTimeout         it did not answer in time
    ├── Unavailable                 a part of this server cannot work at present; carries ``retry_after``
    ├── ConfigurationError          the operator can mend it; carries the ``key``
    └── PluginError                 a plugin was set aside; carries the ``distribution``

An error has no HTTP status: the server's one table gives it one. ``code`` is stable and part of the public interface,
``message`` is for people, ``param`` names the request's field in dotted form (``messages.0.content``).
"""

from __future__ import annotations

__all__ = [
    "ConfigurationError",
    "Conflict",
    "ContentFiltered",
    "ContextLengthExceeded",
    "DinrailError",
    "InvalidRequest",
    "KeyReused",
    "ModelNotFound",
    "NotFound",
    "NothingServes",
    "PermissionDenied",
    "PluginError",
    "RateLimited",
    "RequestError",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "UnsupportedFeature",
    "UpstreamError",
    "UpstreamFailed",
    "UpstreamInvalid",
    "UpstreamRefused",
    "UpstreamTimeout",
    "UpstreamUnavailable",
]


LONGEST_MESSAGE = 2_000
"""Characters that the message of a :class:`RequestError` may have."""


class DinrailError(Exception):
    """The root of the tree.

    Args:
        message: One or two sentences for a person; never a secret, never content of a request.
        param: The field of the request that caused it, dotted, where one did.
        code: Overrides the class's ``code`` where an upstream gave a more exact one.
    """

    code: str = "error"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        if code is not None:
            self.code = code


class RequestError(DinrailError):
    """The caller can mend it.

    What a message repeats of a request, an id say, may be as long as the request; all that is over
    :data:`LONGEST_MESSAGE` characters is cut out of the message's middle, and out of ``param``.
    """

    code = "invalid_request"

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(_cut(message), param=None if param is None else _cut(param), code=code)


class InvalidRequest(RequestError):
    """A field is missing, malformed or out of range."""

    code = "invalid_value"


class UnsupportedFeature(InvalidRequest):
    """The request is well-formed, but this model or provider cannot do what it asks."""

    code = "unsupported_parameter"


class ContextLengthExceeded(InvalidRequest):
    """The input does not fit into the model's context."""

    code = "context_length_exceeded"


class ContentFiltered(InvalidRequest):
    """The request was refused for its content."""

    code = "content_filter"


class Unauthenticated(RequestError):
    """No credentials, or none that are known."""

    code = "invalid_api_key"


class PermissionDenied(RequestError):
    """The caller is known, but not allowed to do this."""

    code = "permission_denied"


class NotFound(RequestError):
    """There is no such object, or it is not the caller's: both look the same."""

    code = "not_found"


class ModelNotFound(NotFound):
    """There is no such model, or it does not serve the API that was called."""

    code = "model_not_found"


class NothingServes(RequestError):
    """No installed and configured provider or service fulfils the contract."""

    code = "not_installed"


class Conflict(RequestError):
    """The object is in a state that forbids the operation."""

    code = "conflict"


class KeyReused(RequestError):
    """An idempotency key was used for another request before."""

    code = "idempotency_key_reused"


class TooLarge(RequestError):
    """The body, or a part of it, is over a limit."""

    code = "request_too_large"


class RateLimited(RequestError):
    """Too many requests.

    Args:
        retry_after: Seconds until another try makes sense, where that is known.
    """

    code = "rate_limit_exceeded"

    def __init__(
        self, message: str, *, retry_after: float | None = None, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.retry_after = retry_after


class UpstreamError(DinrailError):
    """A system behind a provider failed; the caller did nothing wrong."""

    code = "upstream_error"


class UpstreamRefused(UpstreamError):
    """The upstream does not accept the credentials that the operator configured."""

    code = "upstream_refused"


class UpstreamInvalid(UpstreamError):
    """The upstream answered something that its protocol does not allow."""

    code = "upstream_invalid"


class UpstreamFailed(UpstreamError):
    """The upstream said that it failed."""

    code = "upstream_failed"


class UpstreamUnavailable(UpstreamError):
    """The upstream cannot be reached, or says that it is overloaded.

    Args:
        retry_after: Seconds until another try makes sense, where the upstream said so.
    """

    code = "upstream_unavailable"

    def __init__(
        self, message: str, *, retry_after: float | None = None, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.retry_after = retry_after


class UpstreamTimeout(UpstreamError):
    """The upstream did not answer in time."""

    code = "upstream_timeout"


class Unavailable(DinrailError):
    """A part of this server cannot work at present (starting, stopping, a database that is down).

    Args:
        retry_after: Seconds until another try makes sense, where that is known.
    """

    code = "unavailable"

    def __init__(
        self, message: str, *, retry_after: float | None = None, param: str | None = None, code: str | None = None
    ) -> None:
        super().__init__(message, param=param, code=code)
        self.retry_after = retry_after


class ConfigurationError(DinrailError):
    """The configuration is wrong; the start stops with this one line.

    Args:
        message: What is wrong, without the key.
        key: The dotted key, ``providers.gpu0.base_url``.
    """

    code = "configuration_error"

    def __init__(self, message: str, *, key: str | None = None) -> None:
        super().__init__(f"{key}: {message}" if key else message)
        self.key = key


class PluginError(DinrailError):
    """A plugin was set aside; the rest serve.

    Args:
        message: The reason, one sentence.
        plugin: The plugin's name.
        distribution: The installed distribution that it came from.
    """

    code = "plugin_error"

    def __init__(self, message: str, *, plugin: str, distribution: str) -> None:
        super().__init__(message)
        self.plugin = plugin
        self.distribution = distribution


def _cut(text: str) -> str:
    """The text, or its two ends where it is too long."""
    if len(text) <= LONGEST_MESSAGE:
        return text
    half = (LONGEST_MESSAGE - 1) // 2
    return f"{text[:half]}…{text[-half:]}"

"""What an upstream says when it does not answer, turned into the core's errors: by status before text."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from dinrail_core.errors import (
    ContentFiltered,
    ContextLengthExceeded,
    DinrailError,
    InvalidRequest,
    ModelNotFound,
    PermissionDenied,
    RateLimited,
    TooLarge,
    Unauthenticated,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)

__all__ = ["Refusal", "Secrets", "retry_after", "translate", "translate_reported"]

_LONGEST_MESSAGE = 1000
_SHORTEST_SECRET = 4
"""Shorter values are words like ``dev``, whose removal would garble messages and hide nothing."""


class Secrets:
    """Values that must not appear in a message.

    Args:
        values: The secrets; very short ones are left alone.
    """

    __slots__ = ("_values",)

    def __init__(self, values: Iterable[str]) -> None:
        # The longest first: one may be part of another.
        self._values = sorted({v for v in values if len(v) >= _SHORTEST_SECRET}, key=len, reverse=True)

    def and_also(self, value: str) -> Secrets:
        """These and one more."""
        return Secrets([*self._values, value])

    def redact(self, text: str) -> str:
        """``text`` with every secret replaced by ``***``."""
        for value in self._values:
            text = text.replace(value, "***")
        return text


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer whose status says that it is none.

    Attributes:
        status: The HTTP status.
        body: The beginning of the body.
        retry_after: Seconds, where the upstream named any.
        callers_key: Whether it was the caller's own key that was sent.
        secrets: What must not get into a message.
    """

    status: int
    body: bytes
    retry_after: float | None
    callers_key: bool
    secrets: Secrets


@dataclass(frozen=True, slots=True)
class _Said:
    """What an upstream's error says of itself, as far as it does."""

    message: str | None = None
    param: str | None = None
    code: str | None = None
    kinds: tuple[str, ...] = ()
    """``code``, ``type`` and what others have in their place, lower case, as far as they are words."""
    retry_after: float | None = None
    """Seconds, where the body tells them (Google's ``RetryInfo``, OpenRouter's ``availability``)."""


_CONTEXT = frozenset({"context_length_exceeded", "exceed_context_size_error", "context_window_exceeded"})
_CONTEXT_TEXTS = (
    "maximum context length",
    "context length is only",  # vLLM since 0.16, and with it NIM
    "greater than the context length",  # LM Studio
    "context length of only",  # LM Studio, for a model that is loaded with less than it could take
    "`max_new_tokens` must be <=",  # TGI
    "'max_new_tokens' must not exceed",  # Together AI
    "must have less than",  # TEI
    "exceeds maximum allowed token size",  # NeMo Retriever
    "too many tokens",  # Cohere
    "too many input tokens",  # Amazon's Titan
    "prompt is too long",  # Anthropic
    "exceeds the context length",  # Ollama
    "longer than the context length",  # Ollama, for models that cannot forget their beginning
    "exceeds the model's maximum context length",  # Ollama on Apple's chips
    "exceeds the available context size",  # llama.cpp, which Ollama runs
    "exceeds the maximum number of tokens",  # Gemini
    "exceed context limit",  # Anthropic, for input and the limit of the output together
    "longer than the specified maximum sequence length",  # watsonx.ai
    "input is too long for requested model",  # Bedrock
    "input tokens exceeds maximum length",  # Amazon's Nova
)
_FILTERED = frozenset(
    {"content_filter", "content_policy_violation", "responsibleaipolicyviolation", "moderation_blocked"}
)
_NO_MODEL = frozenset(
    {
        "model_not_found",
        "model_not_available",
        "model_not_supported",
        "invalid_model",
        "unknown_model",
        "deploymentnotfound",
        # Databricks
        "endpoint_not_found",
        "resource_does_not_exist",
        # OpenRouter
        "model_deprecated",
        "model_unavailable_upstream",
        "no_endpoints",
    }
)
_NO_MODEL_TEXTS = (
    "model identifier is invalid",  # Bedrock
    "not found for account",  # NVIDIA, whose models are functions
)
_FLAGGED = frozenset({"flagged_input", "patterns"})
"""What OpenRouter tells of an input that is filtered, under 403."""
_STATUS_OF = {
    **dict.fromkeys(_CONTEXT | _FILTERED, 400),
    **dict.fromkeys(_NO_MODEL, 404),
    "invalid_request_error": 400,
    "badrequesterror": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "notfounderror": 404,
    "not_found_error": 404,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    "unavailable_error": 503,
}


def translate(refusal: Refusal) -> DinrailError:
    """The error that a refusal means.

    ======== =================================================================================
    status   becomes
    ======== =================================================================================
    400, 422 ``InvalidRequest``; by the upstream's code or type ``ContextLengthExceeded``,
             ``ContentFiltered`` or ``ModelNotFound``
    401, 402, ``UpstreamRefused``, since our key, and the money behind it, is not the caller's;
    403      ``Unauthenticated`` and ``PermissionDenied`` where it was the caller's own; ``ContentFiltered``
             where it speaks of that
    404      ``ModelNotFound`` where it speaks of the model, else ``UpstreamInvalid``
    408, 504 ``UpstreamTimeout``
    413      ``TooLarge``, or ``ContextLengthExceeded`` or ``RateLimited`` where it speaks of that
    429      ``RateLimited``
    498, 502,
    503, 529 ``UpstreamUnavailable``
    424, 5xx ``UpstreamFailed``
    others   ``UpstreamInvalid``, redirects included
    ======== =================================================================================
    """
    return _error(refusal.status, _read(refusal), refusal)


def translate_reported(report: Mapping[str, Any], *, callers_key: bool, secrets: Secrets) -> DinrailError:
    """The error that a report inside a good answer means: the status is what its code or type stands for."""
    said = _redacted(_said(report), secrets)
    inner = report.get("error")
    code = inner.get("code") if isinstance(inner, Mapping) else report.get("status_code", report.get("code"))
    if isinstance(code, (int, str)) and str(code).isdecimal() and 400 <= int(code) <= 599:
        status = int(code)
    else:
        status = next((_STATUS_OF[kind] for kind in said.kinds if kind in _STATUS_OF), 500)
    return _error(status, said, Refusal(status, b"", None, callers_key, secrets))


def retry_after(headers: Mapping[bytes, bytes]) -> float | None:
    """Seconds until another try makes sense: ``retry-after-ms``, or ``retry-after`` as seconds or as a date.

    Who says neither may tell of limits, and when those that nothing is left of begin anew (Cerebras, OpenAI, Groq).

    Args:
        headers: Lower-case names.
    """
    try:
        if (milliseconds := headers.get(b"retry-after-ms")) is not None:
            return _sane(float(milliseconds) / 1000)
        value = headers.get(b"retry-after")
        if value is None:
            return _until_reset(headers)
        if value.strip().replace(b".", b"", 1).isdigit():
            return _sane(float(value))
        return _sane(_date(value.decode("ascii")) - time.time())
    except (ValueError, OverflowError):
        return None


_LIMIT = b"x-ratelimit-remaining-"
_SPAN = re.compile(r"([\d.]+)(ms|[dhms]?)")
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "": 1.0, "ms": 0.001}


def _until_reset(headers: Mapping[bytes, bytes]) -> float | None:
    """The longest wait for a limit of which nothing is left, where any is said: ``33.01``, ``7.66s``, ``2m59.56s``."""
    spent = [name.removeprefix(_LIMIT) for name, left in headers.items() if name.startswith(_LIMIT) and left == b"0"]
    told = [headers.get(b"x-ratelimit-reset-" + limit, b"").decode("latin-1") for limit in spent]
    spans = [_SPAN.findall(text) for text in told]
    waits = [sum(float(number) * _UNITS[unit] for number, unit in span) for span in spans if span]
    return _sane(max(waits)) if waits else None


def _date(text: str) -> float:
    """Seconds since the epoch of an HTTP date (RFC 9110, section 5.6.7)."""
    from email.utils import parsedate_to_datetime  # dear to import, and rarely needed

    return parsedate_to_datetime(text).timestamp()


def _sane(seconds: float) -> float | None:
    """Not negative, and neither infinite nor NaN."""
    return max(0.0, seconds) if seconds < 1e9 else None


def _error(status: int, said: _Said, refusal: Refusal) -> DinrailError:
    if status == 400 and "api_key_invalid" in said.kinds:
        return _refused(401, said, callers_key=refusal.callers_key)  # Google's status for a bad key
    if status == 400 and "credit balance is too low" in (said.message or "").lower():
        return _refused(402, said, callers_key=refusal.callers_key)  # Anthropic's, before there was a 402
    if status in (400, 404, 413, 422) and (found := _by_kind(status, said)) is not None:
        return found
    if status in (400, 422):
        message = said.message or "The upstream does not accept this request."
        return InvalidRequest(message, param=said.param, code=said.code)
    if status == 403 and not _FILTERED.isdisjoint(said.kinds):
        return ContentFiltered(said.message or "The upstream's content filter refused the request.", param=said.param)
    if status in (401, 402, 403):
        return _refused(status, said, callers_key=refusal.callers_key)
    if status == 404:
        return UpstreamInvalid("The upstream does not have this address (HTTP 404); is its base_url right?")
    if status in (408, 504):
        return UpstreamTimeout(f"The upstream ran out of time (HTTP {status}).")
    if status == 413 and "rate_limit_exceeded" in said.kinds:
        # Groq: more tokens than the account has in a minute, and not more than the model takes.
        return RateLimited(said.message or "The upstream's rate limit is reached.", code=said.code)
    if status == 413:
        return TooLarge(said.message or "The request is too large for the upstream.")
    if status == 429:
        message = said.message or "The upstream's rate limit is reached."
        return RateLimited(message, retry_after=_first(refusal.retry_after, said.retry_after), code=said.code)
    if status in (498, 502, 503, 529):
        # 498 is Groq's word for a tier whose capacity is exceeded at the moment.
        message = _with_reason("The upstream is unavailable", status, said)
        return UpstreamUnavailable(message, retry_after=refusal.retry_after)
    if status >= 500 or status == 424:
        # A part of the upstream that this part depends on (TEI: the model itself).
        return UpstreamFailed(_with_reason("The upstream failed", status, said))
    return UpstreamInvalid(_with_reason("The upstream gave an unexpected answer", status, said))


def _by_kind(status: int, said: _Said) -> DinrailError | None:
    """The more exact error that code, type or, last, the text speak of."""
    message = said.message or ""
    text = message.lower()
    if not _CONTEXT.isdisjoint(said.kinds) or any(said in text for said in _CONTEXT_TEXTS):
        return ContextLengthExceeded(message or "The input does not fit into the model's context.", param=said.param)
    if not _FILTERED.isdisjoint(said.kinds):
        return ContentFiltered(message or "The upstream's content filter refused the request.", param=said.param)
    unknown = not _NO_MODEL.isdisjoint(said.kinds) or any(said in text for said in _NO_MODEL_TEXTS)
    if unknown or (status == 404 and (said.param == "model" or "model" in text)):
        return ModelNotFound(message or "The upstream does not have this model.", param="model")
    return None


def _refused(status: int, said: _Said, *, callers_key: bool) -> DinrailError:
    if not callers_key and (status == 402 or "token_quota_reached" in said.kinds):
        return UpstreamRefused(f"The account configured for the upstream has no credit left (HTTP {status}).")
    if not callers_key:
        # Without the upstream's words: it likes to repeat the key, or a part of it.
        return UpstreamRefused(f"The upstream does not accept the credentials configured for it (HTTP {status}).")
    if status == 401:
        return Unauthenticated("The upstream does not accept the key that came with the request.")
    return PermissionDenied(said.message or "The upstream does not allow this with the key that came with the request.")


def _with_reason(sentence: str, status: int, said: _Said) -> str:
    return f"{sentence} (HTTP {status}): {said.message}" if said.message else f"{sentence} (HTTP {status})."


def _read(refusal: Refusal) -> _Said:
    try:
        body = orjson.loads(refusal.body)
    except orjson.JSONDecodeError:
        return _Said()
    return _redacted(_said(body) if isinstance(body, dict) else _Said(), refusal.secrets)


def _redacted(said: _Said, secrets: Secrets) -> _Said:
    message = secrets.redact(said.message)[:_LONGEST_MESSAGE] if said.message else None
    param = secrets.redact(said.param) if said.param else None
    return _Said(message, param, secrets.redact(said.code) if said.code else None, said.kinds, said.retry_after)


def _said(body: Mapping[str, Any]) -> _Said:
    """Read OpenAI's shape, vLLM's flat one, and FastAPI's ``detail``, which Mistral puts into the message.

    OpenRouter says what it is in ``metadata`` and ``availability``, Databricks in ``error_code`` beside the message.
    Tavily puts an object with an ``error`` there; watsonx.ai lists ``errors``, and names the field in a ``target``.
    """
    listed = body.get("errors")
    error = body.get("error", listed[0] if isinstance(listed, list) and listed else body)
    if isinstance(error, str):
        return _Said(message=error)
    if not isinstance(error, Mapping):
        return _Said()
    message = error.get("message")
    if message is None or isinstance(message, Mapping):
        message = (message or error).get("detail")
    if isinstance(message, Mapping):
        message = message.get("error")
    if isinstance(message, list):
        message = "; ".join(str(item.get("msg")) for item in message if isinstance(item, Mapping) and item.get("msg"))
    param, code, target = error.get("param"), error.get("code"), error.get("target")
    if param is None and isinstance(target, Mapping):
        param = target.get("name")
    told = error.get("details")
    details = [detail for detail in told if isinstance(detail, Mapping)] if isinstance(told, list) else []
    named = [code, error.get("type"), error.get("error_code"), *(detail.get("reason") for detail in details)]
    seconds = next((_span(detail["retryDelay"]) for detail in details if "retryDelay" in detail), None)
    metadata, availability = error.get("metadata"), error.get("availability")
    if isinstance(metadata, Mapping):
        named += [metadata.get("error_type"), "content_filter" if _FLAGGED & metadata.keys() else None]
    if isinstance(availability, Mapping):
        named.append(availability.get("code"))
        waited = availability.get("retry_after")
        seconds = _sane(waited) if isinstance(waited, (int, float)) else seconds
    return _Said(
        message=message if isinstance(message, str) and message else None,
        param=param if isinstance(param, str) and param else None,
        code=code if isinstance(code, str) and code and not code.isdecimal() else None,
        kinds=tuple(value.lower() for value in named if isinstance(value, str)),
        retry_after=seconds,
    )


def _span(text: object) -> float | None:
    """Seconds of a span of time as Google writes it (``37s``)."""
    try:
        return _sane(float(str(text).removesuffix("s")))
    except ValueError:
        return None


def _first(*seconds: float | None) -> float | None:
    return next((one for one in seconds if one is not None), None)

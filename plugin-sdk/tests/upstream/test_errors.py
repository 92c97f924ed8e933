from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

import pytest

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
from dinrail_sdk.upstream.errors import Refusal, Secrets, retry_after, translate, translate_reported

NO_SECRETS = Secrets([])


def refused(status: int, body: Any = None, *, callers_key: bool = False, secrets: Secrets = NO_SECRETS) -> DinrailError:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return translate(Refusal(status, text, 3.0, callers_key, secrets))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, UpstreamInvalid),
        (400, InvalidRequest),
        (401, UpstreamRefused),
        (402, UpstreamRefused),
        (403, UpstreamRefused),
        (404, UpstreamInvalid),
        (405, UpstreamInvalid),
        (408, UpstreamTimeout),
        (413, TooLarge),
        (418, UpstreamInvalid),
        (422, InvalidRequest),
        (424, UpstreamFailed),
        (429, RateLimited),
        (500, UpstreamFailed),
        (501, UpstreamFailed),
        (502, UpstreamUnavailable),
        (503, UpstreamUnavailable),
        (504, UpstreamTimeout),
        (498, UpstreamUnavailable),
        (529, UpstreamUnavailable),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[]", b"7", b'{"error":7}', b'{"error":{"message":[1]}}'])
def test_a_status_is_enough_whatever_the_body(status: int, kind: type[DinrailError], body: bytes) -> None:
    assert type(refused(status, body)) is kind


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"code": "context_length_exceeded"}, ContextLengthExceeded),
        (400, {"code": 400, "type": "exceed_context_size_error", "n_ctx": 512}, ContextLengthExceeded),
        (
            400,
            {"type": "BadRequestError", "message": "The maximum context length is 10"},
            ContextLengthExceeded,
        ),
        (413, {"message": "`inputs` must have less than 512 tokens. Given: 513"}, ContextLengthExceeded),
        (422, {"message": "`inputs` tokens + `max_new_tokens` must be <= 4096."}, ContextLengthExceeded),
        (400, {"message": "Input length 600 exceeds maximum allowed token size 512"}, ContextLengthExceeded),
        (400, {"message": "The prompt is greater than the context length (512)."}, ContextLengthExceeded),
        (
            400,
            {"message": "You passed 9 input tokens and requested 2. However, the model's context length is only 10"},
            ContextLengthExceeded,
        ),
        (
            400,
            {"message": "However, the model is loaded with context length of only 4096 tokens."},
            ContextLengthExceeded,
        ),
        (400, {"message": "The sum of 'inputs' tokens and 'max_new_tokens' must not exceed 9."}, ContextLengthExceeded),
        (404, {"code": "DeploymentNotFound", "message": "The API deployment does not exist."}, ModelNotFound),
        (400, {"code": "content_filter"}, ContentFiltered),
        (400, {"code": "Content_Policy_Violation"}, ContentFiltered),
        (404, {"code": "model_not_found"}, ModelNotFound),
        (400, {"code": "invalid_model"}, ModelNotFound),
        (404, {"code": "model_not_supported"}, ModelNotFound),
        (
            400,
            {"message": "Token sequence length is longer than the specified maximum sequence length (600 > 512)."},
            ContextLengthExceeded,
        ),
        (404, {"type": "NotFoundError", "param": "model"}, ModelNotFound),
        (404, {"message": "The model `x` does not exist."}, ModelNotFound),
        (404, {"type": "not_found_error", "message": "File Not Found"}, UpstreamInvalid),
        (
            404,
            {"status": 404, "title": "Not Found", "detail": "Function '2': Not found for account 'x'"},
            ModelNotFound,
        ),
        (413, {"type": "tokens", "code": "rate_limit_exceeded", "message": "Request too large for m"}, RateLimited),
        (500, {"code": "context_length_exceeded"}, UpstreamFailed),
        (
            403,
            {"code": 403, "message": "Flagged", "metadata": {"reasons": ["x"], "flagged_input": "y"}},
            ContentFiltered,
        ),
        (403, {"code": 403, "message": "Blocked", "metadata": {"patterns": ["ignore"]}}, ContentFiltered),
        (403, {"code": 403, "message": "No.", "metadata": {"error_type": "permission_denied"}}, UpstreamRefused),
        (
            400,
            {"code": 400, "message": "?", "metadata": {"error_type": "context_length_exceeded"}},
            ContextLengthExceeded,
        ),
        (404, {"code": 404, "message": "None found.", "availability": {"code": "no_endpoints"}}, ModelNotFound),
        (429, {"code": "content_filter"}, RateLimited),
    ],
)
def test_code_and_type_refine_what_the_status_says(status: int, error: object, kind: type[DinrailError]) -> None:
    assert type(refused(status, {"error": error})) is kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "bad", "param": "n", "code": "wrong"}}, "bad"),
        ({"error": "bad"}, "bad"),
        ({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}, "bad"),
        ({"detail": "bad"}, "bad"),
        ({"object": "error", "message": {"detail": [{"msg": "bad"}]}, "type": "invalid_request_error"}, "bad"),
        ({"detail": [{"loc": ["body", "n"], "msg": "bad"}, {"msg": "worse"}]}, "bad; worse"),
        ({"errors": [{"code": "wrong", "message": "bad"}, {"message": "worse"}], "trace": "t"}, "bad"),
    ],
)
def test_the_upstreams_words_are_found_in_every_shape(body: object, message: str) -> None:
    assert refused(400, body).message == message


def test_a_body_may_say_what_it_is_and_when_to_come_back_where_others_do() -> None:
    assert type(refused(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "No endpoint 'm'."})) is ModelNotFound
    told = {"code": 429, "message": "Full.", "availability": {"code": "capacity_exhausted", "retry_after": 7}}
    busy = translate_reported({"error": told}, callers_key=False, secrets=Secrets([]))
    assert isinstance(busy, RateLimited)
    assert busy.retry_after == 7.0


def test_param_and_code_of_the_upstream_are_kept() -> None:
    error = refused(400, {"error": {"message": "bad", "param": "messages.0", "code": "wrong"}})
    assert (error.param, error.code) == ("messages.0", "wrong")
    assert refused(400, {"error": {"message": "bad", "code": 400}}).code == "invalid_value"
    error = refused(400, {"errors": [{"message": "bad", "target": {"type": "field", "name": "messages"}}]})
    assert error.param == "messages"


def test_rate_limits_and_unavailability_carry_the_wait() -> None:
    for status in (429, 502, 503, 529):
        error = refused(status)
        assert isinstance(error, (RateLimited, UpstreamUnavailable))
        assert error.retry_after == 3.0


def test_our_key_being_refused_is_told_without_the_upstreams_words() -> None:
    error = refused(401, {"error": {"message": "Incorrect API key provided: sk-abc*****xyz"}})
    assert "sk-" not in error.message


def test_an_account_without_credit_is_told_whatever_the_status() -> None:
    low = {"error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API."}}
    for status, body in ((402, {}), (400, low), (403, {"errors": [{"code": "token_quota_reached", "message": "m"}]})):
        error = refused(status, body)
        assert type(error) is UpstreamRefused
        assert "no credit" in error.message
    assert "balance" in refused(400, low, callers_key=True).message


def test_the_callers_key_being_refused_is_the_callers_matter() -> None:
    assert type(refused(401, callers_key=True)) is Unauthenticated
    assert type(refused(403, callers_key=True)) is PermissionDenied


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422, 429, 500, 503, 418])
def test_no_secret_gets_into_a_message_a_param_or_a_code(status: int) -> None:
    secrets = Secrets(["sk-secret", "sk-secret-longer", "abc"])
    body = {"error": {"message": "model sk-secret-longer, sk-secret", "param": "sk-secret", "code": "x-sk-secret"}}
    error = refused(status, body, callers_key=True, secrets=secrets)
    assert "secret" not in f"{error} {error.param} {error.code}"
    assert "longer" not in error.message


def test_words_too_short_to_be_a_secret_are_left_alone() -> None:
    assert Secrets(["dev"]).redact("a device") == "a device"


def test_long_messages_are_cut() -> None:
    assert len(refused(400, {"error": "x" * 5000}).message) == 1000


@pytest.mark.parametrize(
    ("report", "kind"),
    [
        ({"error": {"message": "m", "code": 429}}, RateLimited),
        ({"error": {"message": "m", "code": "503"}}, UpstreamUnavailable),
        ({"error": {"message": "m", "type": "rate_limit_error"}}, RateLimited),
        ({"error": {"message": "m", "type": "overloaded_error"}}, UpstreamUnavailable),
        ({"error": {"message": "m", "type": "billing_error"}}, UpstreamRefused),
        ({"error": {"message": "m", "type": "invalid_request_error"}}, InvalidRequest),
        ({"error": {"message": "m", "code": "context_length_exceeded"}}, ContextLengthExceeded),
        ({"error": {"message": "m", "code": "content_filter"}}, ContentFiltered),
        ({"error": {"message": "m", "code": "model_not_found"}}, ModelNotFound),
        ({"error": {"message": "m", "type": "server_error"}}, UpstreamFailed),
        ({"error": {"message": "m", "code": 7}}, UpstreamFailed),
        ({"error": "m"}, UpstreamFailed),
        ({"message": "m", "code": 400}, InvalidRequest),
        ({"error": [1]}, UpstreamFailed),
        ({"errors": [{"code": "invalid_request_entity", "message": "m"}], "status_code": 400}, InvalidRequest),
        ({"errors": [{"code": "model_not_supported", "message": "m"}], "status_code": 404}, ModelNotFound),
        ({"errors": [1]}, UpstreamFailed),
    ],
)
def test_a_report_is_translated_by_what_its_code_or_type_stands_for(report: Any, kind: type[DinrailError]) -> None:
    assert type(translate_reported(report, callers_key=False, secrets=NO_SECRETS)) is kind


def test_a_report_is_redacted_too() -> None:
    error = translate_reported({"error": "key sk-secret"}, callers_key=False, secrets=Secrets(["sk-secret"]))
    assert "sk-secret" not in error.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({b"retry-after": b"7"}, 7.0),
        ({b"retry-after": b"0.5"}, 0.5),
        ({b"retry-after-ms": b"250", b"retry-after": b"1"}, 0.25),
        ({b"retry-after": b"soon"}, None),
        ({b"retry-after": b"-3"}, None),
        ({b"retry-after": b"\xff"}, None),
        ({b"retry-after": b"99999999999999"}, None),
        ({b"retry-after-ms": b"nan"}, None),
        ({b"retry-after-ms": b"-5"}, 0.0),
        ({b"retry-after": b"Sun, 06 Nov 1994 08:49:37 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_where_it_makes_sense(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_may_be_a_date() -> None:
    seconds = retry_after({b"retry-after": formatdate(time.time() + 60, usegmt=True).encode()})
    assert seconds is not None
    assert 57 < seconds <= 60


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("33.01", 33.01),
        ("7.66s", 7.66),
        ("2m59.5s", 179.5),
        ("1h", 3600.0),
        ("6m0s", 360.0),
        ("120ms", 0.12),
        ("soon", None),
    ],
)
def test_a_limit_of_which_nothing_is_left_says_when_it_begins_anew(reset: str, seconds: float | None) -> None:
    left = {
        b"x-ratelimit-remaining-requests-day": b"9",
        b"x-ratelimit-reset-requests-day": b"80000",
        b"x-ratelimit-remaining-tokens-minute": b"0",
        b"x-ratelimit-reset-tokens-minute": reset.encode(),
    }
    assert retry_after(left) == (seconds if seconds is None else pytest.approx(seconds))
    assert retry_after({**left, b"retry-after": b"5"}) == 5.0
    assert retry_after({**left, b"x-ratelimit-remaining-tokens-minute": b"3"}) is None

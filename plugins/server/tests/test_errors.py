"""The one table, and the body of errors."""

from __future__ import annotations

import json

import pytest

from dinrail_core import errors as core
from dinrail_core.api.error_body import ErrorBody
from dinrail_core.errors import DinrailError
from dinrail_server import errors
from dinrail_server.errors import STATUS, problem, status_of


def _classes(base: type[DinrailError]) -> list[type[DinrailError]]:
    return [base, *(found for child in base.__subclasses__() for found in _classes(child))]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (core.InvalidRequest, 400),
        (core.UnsupportedFeature, 400),
        (core.ContextLengthExceeded, 400),
        (core.ContentFiltered, 400),
        (core.Unauthenticated, 401),
        (core.PermissionDenied, 403),
        (core.NotFound, 404),
        (core.ModelNotFound, 404),
        (core.NothingServes, 404),
        (core.Conflict, 409),
        (core.TooLarge, 413),
        (core.RateLimited, 429),
        (core.UpstreamRefused, 502),
        (core.UpstreamInvalid, 502),
        (core.UpstreamFailed, 502),
        (core.UpstreamUnavailable, 503),
        (core.UpstreamTimeout, 504),
        (core.Unavailable, 503),
        (errors.MethodNotAllowed, 405),
        (errors.BodyTimeout, 408),
        (errors.UnsupportedMediaType, 415),
        (errors.HeadersTooLarge, 431),
        (errors.ServerFailed, 500),
    ],
)
def test_each_class_has_its_status(kind: type[DinrailError], status: int) -> None:
    assert status_of(kind) == status


def test_what_the_caller_can_mend_is_4xx_and_everything_else_5xx() -> None:
    for kind in _classes(DinrailError):
        assert (status_of(kind) < 500) is issubclass(kind, core.RequestError), kind


def test_a_class_that_a_plugin_adds_has_its_bases_status() -> None:
    class QuotaSpent(core.RateLimited):
        code = "insufficient_quota"

    assert status_of(QuotaSpent) == 429


def test_the_table_lists_no_class_whose_base_says_the_same() -> None:
    for kind, status in STATUS.items():
        inherited = [STATUS[base] for base in kind.__mro__[1:] if base in STATUS]
        if kind not in (core.InvalidRequest, core.RequestError):
            assert not inherited or inherited[0] != status, f"{kind.__name__} needs no entry"


def test_the_body_has_openais_shape() -> None:
    answer = problem(core.InvalidRequest("No.", param="messages.0.content"))
    ErrorBody.model_validate_json(answer.body)
    assert json.loads(answer.body) == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "messages.0.content",
            "code": "invalid_value",
        }
    }


def test_retry_after_is_rounded_up_to_whole_seconds() -> None:
    assert problem(core.RateLimited("No.", retry_after=1.2)).headers == {"retry-after": "2"}
    assert problem(core.Unavailable("No.")).headers == {}


def test_clients_are_told_not_to_try_again_by_themselves_what_only_the_caller_can_mend() -> None:
    full = core.RateLimited("No room.", retry_after=60, code="insufficient_quota")
    assert problem(full).headers == {"retry-after": "60", "x-should-retry": "false"}


def test_a_message_with_a_lone_surrogate_is_still_json() -> None:
    assert json.loads(problem(core.NotFound("\udcff")).body)["error"]["message"] == "?"

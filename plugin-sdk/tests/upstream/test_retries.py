from __future__ import annotations

import pytest

from dinrail_core.errors import DinrailError, RateLimited, UpstreamFailed, UpstreamTimeout, UpstreamUnavailable
from dinrail_sdk.upstream.retries import LONGEST_WAIT, delay_before_retry
from dinrail_sdk.upstream.transport import Unanswered


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UpstreamTimeout(""), None),
        (UpstreamTimeout(""), 504),
        (UpstreamFailed(""), 500),
        (UpstreamUnavailable("", retry_after=0.0), 502),
        (UpstreamUnavailable("all connections are busy"), None),
        (RateLimited(""), 429),
        (RateLimited("", retry_after=1.0, code="insufficient_quota"), 429),
        (RateLimited("", retry_after=LONGEST_WAIT + 0.1), 429),
        (UpstreamUnavailable("", retry_after=LONGEST_WAIT + 0.1), 503),
    ],
)
def test_what_may_have_been_done_or_will_not_help_is_not_sent_again(error: DinrailError, status: int | None) -> None:
    assert delay_before_retry(error, status, 1, 0.25) is None


@pytest.mark.parametrize(
    ("error", "status", "delay"),
    [
        (RateLimited("", retry_after=2.0), 429, 2.0),
        (UpstreamUnavailable("", retry_after=LONGEST_WAIT), 503, LONGEST_WAIT),
        (UpstreamUnavailable("", retry_after=0.0), 529, 0.0),
        (Unanswered("", on_used_connection=True), None, 0.0),
    ],
)
def test_a_named_wait_is_kept_to(error: DinrailError, status: int | None, delay: float) -> None:
    assert delay_before_retry(error, status, 1, 0.25) == delay


@pytest.mark.parametrize(("error", "status"), [(Unanswered(""), None), (UpstreamUnavailable(""), 503)])
def test_without_a_named_wait_it_grows_and_varies(error: DinrailError, status: int | None) -> None:
    first = {delay_before_retry(error, status, 1, 0.25) for _ in range(20)}
    second = {delay_before_retry(error, status, 2, 0.25) for _ in range(20)}
    assert len(first) > 1
    assert all(delay is not None and 0.125 <= delay <= 0.25 for delay in first)
    assert all(delay is not None and 0.25 <= delay <= 0.5 for delay in second)

"""What is configured wrongly, and a server that is not there."""

from __future__ import annotations

import traceback

import pytest
from pydantic import ValidationError

from dinrail_core.errors import UpstreamError, UpstreamUnavailable
from dinrail_elasticsearch.plugin import ELASTICSEARCH, ElasticsearchConfig
from dinrail_sdk.testing import open_alone

SECRET = "hush-0123456789"


async def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_alone(ELASTICSEARCH, {"url": "http://127.0.0.1:9", "api_key": SECRET}) as index:
        with pytest.raises(UpstreamError) as caught:
            await index.count("abc")
    assert isinstance(caught.value, UpstreamUnavailable)
    told = (
        "".join(traceback.format_exception(caught.value))
        + caplog.text
        + repr(ElasticsearchConfig.model_validate({"url": "http://127.0.0.1:9", "api_key": SECRET}))
    )
    assert SECRET not in told


def test_what_does_not_fit_together_is_refused() -> None:
    for wrong in ({"username": "me"}, {"api_key": "x", "username": "me", "password": "y"}, {"prefix": "A"}):
        with pytest.raises(ValidationError):
            ElasticsearchConfig.model_validate(wrong)

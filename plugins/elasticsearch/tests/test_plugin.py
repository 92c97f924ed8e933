"""What is configured wrongly, and a server that is not there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dinrail_elasticsearch.plugin import ELASTICSEARCH, ElasticsearchConfig
from dinrail_sdk.testing.vector_faults import assert_unreachable

SECRET = "hush-0123456789"


async def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_shown() -> None:
    await assert_unreachable(ELASTICSEARCH, {"url": "http://127.0.0.1:9", "api_key": SECRET}, SECRET)


def test_what_does_not_fit_together_is_refused() -> None:
    for wrong in ({"username": "me"}, {"api_key": "x", "username": "me", "password": "y"}, {"prefix": "A"}):
        with pytest.raises(ValidationError):
            ElasticsearchConfig.model_validate(wrong)

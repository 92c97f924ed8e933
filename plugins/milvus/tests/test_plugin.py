"""What is configured wrongly, and a server that is not there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dinrail_milvus.plugin import MILVUS, MilvusConfig
from dinrail_sdk.testing.vector_faults import assert_unreachable

SECRET = "hush-0123456789"


async def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_shown() -> None:
    await assert_unreachable(MILVUS, {"url": "http://127.0.0.1:9", "token": SECRET, "timeout": 1}, SECRET)


def test_what_does_not_fit_together_is_refused() -> None:
    for wrong in ({"prefix": "1x"}, {"database": "a/b"}, {"timeout": 0}):
        with pytest.raises(ValidationError):
            MilvusConfig.model_validate(wrong)

"""What is configured wrongly, and a server that is not there."""

from __future__ import annotations

import traceback

import pytest
from pydantic import ValidationError

from dinrail_core.errors import UpstreamError, UpstreamUnavailable
from dinrail_pgvector.plugin import PGVECTOR, PgvectorConfig
from dinrail_sdk.testing import open_alone

SECRET = "hush-0123456789"


async def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_shown(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_alone(PGVECTOR, {"url": f"postgresql://me:{SECRET}@127.0.0.1:9/db"}) as index:
        with pytest.raises(UpstreamError) as caught:
            await index.count("abc")
    assert isinstance(caught.value, UpstreamUnavailable)
    told = (
        "".join(traceback.format_exception(caught.value))
        + caplog.text
        + repr(PgvectorConfig.model_validate({"url": f"postgresql://me:{SECRET}@127.0.0.1:9/db"}))
    )
    assert SECRET not in told


def test_what_does_not_fit_together_is_refused() -> None:
    for wrong in ({}, {"url": "x", "db_schema": 'a"b'}, {"url": "x", "search": "fast"}):
        with pytest.raises(ValidationError):
            PgvectorConfig.model_validate(wrong)

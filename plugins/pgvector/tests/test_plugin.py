"""What is configured wrongly, and a server that is not there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dinrail_pgvector.plugin import PGVECTOR, PgvectorConfig
from dinrail_sdk.testing.vector_faults import assert_unreachable

SECRET = "hush-0123456789"


async def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_shown() -> None:
    await assert_unreachable(PGVECTOR, {"url": f"postgresql://me:{SECRET}@127.0.0.1:9/db"}, SECRET)


def test_what_does_not_fit_together_is_refused() -> None:
    for wrong in ({}, {"url": "x", "db_schema": 'a"b'}, {"url": "x", "search": "fast"}):
        with pytest.raises(ValidationError):
            PgvectorConfig.model_validate(wrong)

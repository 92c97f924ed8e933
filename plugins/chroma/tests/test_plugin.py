"""What is configured wrongly, and a server that is not there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dinrail_chroma.plugin import CHROMA, ChromaConfig
from dinrail_sdk.testing.vector_faults import assert_unreachable

SECRET = "hush-0123456789"


async def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_shown() -> None:
    await assert_unreachable(CHROMA, {"url": "http://127.0.0.1:9", "token": SECRET}, SECRET)


def test_what_does_not_fit_together_is_refused() -> None:
    for wrong in ({"url": "http://h", "folder": "f"}, {"token": "x"}, {"effort": 1}):
        with pytest.raises(ValidationError):
            ChromaConfig.model_validate(wrong)

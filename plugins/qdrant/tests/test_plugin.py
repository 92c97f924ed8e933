"""What is configured wrongly, and a server that is not there."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dinrail_qdrant.plugin import QDRANT, QdrantConfig
from dinrail_sdk.testing.vector_faults import assert_unreachable

SECRET = "hush-0123456789"


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection:UserWarning")
async def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_shown() -> None:
    await assert_unreachable(QDRANT, {"url": "http://127.0.0.1:9", "api_key": SECRET}, SECRET)


def test_a_server_is_found_by_the_variables_of_its_client() -> None:
    assert QDRANT.detect is not None
    assert QDRANT.detect({}) is None
    assert QDRANT.detect({"QDRANT_URL": "http://h", "QDRANT_API_KEY": "k"}) == {"url": "http://h", "api_key": "k"}


def test_what_does_not_fit_together_is_refused() -> None:
    for wrong in ({"url": "http://h", "folder": "f"}, {"api_key": "x"}, {"prefix": "a/b"}):
        with pytest.raises(ValidationError):
            QdrantConfig.model_validate(wrong)

"""What is configured wrongly, and a server that is not there."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dinrail_core.api.vector_index import VectorIndex, VectorRecord
from dinrail_core.errors import NotFound, UpstreamFailed, UpstreamTimeout
from dinrail_elasticsearch.plugin import ELASTICSEARCH, ElasticsearchConfig
from dinrail_sdk.sql.ids import new_id
from dinrail_sdk.testing import open_alone
from dinrail_sdk.testing.vector_faults import assert_unreachable

SECRET = "hush-0123456789"


async def test_a_server_that_is_not_there_is_unreachable_and_no_secret_is_shown() -> None:
    await assert_unreachable(ELASTICSEARCH, {"url": "http://127.0.0.1:9", "api_key": SECRET}, SECRET)


def test_what_does_not_fit_together_is_refused() -> None:
    for wrong in ({"username": "me"}, {"api_key": "x", "username": "me", "password": "y"}, {"prefix": "A"}):
        with pytest.raises(ValidationError):
            ElasticsearchConfig.model_validate(wrong)


async def test_what_could_not_be_changed_is_no_success(
    elasticsearch: Any, elasticsearch_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_alone(ELASTICSEARCH, {"url": elasticsearch_url, "api_key": "an-encoded-key"}) as index:
        assert isinstance(index, VectorIndex)
        collection = new_id("kit_")
        await index.create(collection, 1)
        monkeypatch.setattr(elasticsearch, "late", True)
        with pytest.raises(UpstreamTimeout):
            await index.delete_file(collection, "file")
        failure = {"index": "i", "id": "1", "status": 500, "cause": {"type": "disk_is_full"}}
        monkeypatch.setattr(elasticsearch, "failures", [failure])
        with pytest.raises(UpstreamFailed, match="disk_is_full"):
            await index.set_attributes(collection, "file", {"a": 1})


async def test_records_for_an_index_that_has_vanished_are_not_lost_without_a_word(
    elasticsearch: Any, elasticsearch_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_alone(ELASTICSEARCH, {"url": elasticsearch_url, "api_key": "an-encoded-key"}) as index:
        assert isinstance(index, VectorIndex)
        collection = new_id("kit_")
        await index.create(collection, 1)
        written = elasticsearch.written

        def vanished(name: str, key: str, source: Any) -> Any:
            elasticsearch.indices.pop(name, None)
            return written(name, key, source)

        monkeypatch.setattr(elasticsearch, "written", vanished)
        with pytest.raises(NotFound):
            await index.upsert(collection, [VectorRecord("chunk", "file", b"\0\0\x80?", {})])

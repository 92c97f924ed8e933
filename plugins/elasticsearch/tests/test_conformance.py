"""The index keeps its contract, against a fake that was written from Elasticsearch's documentation."""

from __future__ import annotations

import pytest
from pydantic import HttpUrl, SecretStr

from dinrail_core.errors import UpstreamRefused
from dinrail_elasticsearch.plugin import ELASTICSEARCH, ElasticsearchConfig
from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite, open_alone


class TestElasticsearch(VectorIndexSuite):
    provider = ELASTICSEARCH
    against = "a fake written from its documentation: there is no package with the server"

    @pytest.fixture(autouse=True)
    def _server(self, elasticsearch_url: str) -> None:
        self.url = HttpUrl(elasticsearch_url)

    def config(self, upstream: FakeUpstream) -> ElasticsearchConfig:
        return ElasticsearchConfig(url=self.url, api_key=SecretStr("an-encoded-key"))


async def test_a_key_that_the_cluster_does_not_know_is_the_operators_to_mend(elasticsearch_url: str) -> None:
    async with open_alone(ELASTICSEARCH, {"url": elasticsearch_url, "api_key": "wrong"}) as index:
        with pytest.raises(UpstreamRefused):
            await index.count("abc")

from __future__ import annotations

from typing import ClassVar

from dinrail_sdk.testing import EmbedderSuite, FakeUpstream, ModelSourceSuite, RerankerSuite
from dinrail_sdk.testing.dialects.tei import TEI_WIRE
from dinrail_tei.plugin import TEI, TeiConfig


class TestTei(EmbedderSuite, RerankerSuite, ModelSourceSuite):
    provider = TEI
    dialect = TEI_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "models_names": "a TEI server has one model",
        "models_none": "a TEI server has one model",
        "models_many": "a TEI server has one model",
        "models_now": "a TEI server has one model",
        "model_details": "TEI tells none",
        "context_length_listed": "TEI always tells one",
        "rerank_usage": "TEI tells no usage of rankings",
        "model_name[rerank]": "TEI's rankings name no model",
        "unknown_answer_fields[rerank]": "TEI's rankings are bare arrays of index and score",
        "bad_utf8[rerank]": "TEI's rankings have no text",
        "wrong_types[models]": "TEI's /info has no list",
        "models_dead_upstream": "TEI's /info has no list that could be wrong; the rest is tested beside",
    }

    def config(self, upstream: FakeUpstream) -> TeiConfig:
        return TeiConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})

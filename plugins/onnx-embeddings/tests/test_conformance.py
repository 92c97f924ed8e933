from __future__ import annotations

from dinrail_onnx_embeddings.plugin import DEFAULT_MODEL, OnnxEmbeddingsConfig, dinrail_providers
from dinrail_sdk.testing import CheckedSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite, RerankerSuite


class TestOnnxEmbeddings(EmbedderSuite, RerankerSuite, ModelSourceSuite, CheckedSuite):
    (provider,) = dinrail_providers()
    dialect = None
    model = DEFAULT_MODEL

    def config(self, upstream: FakeUpstream) -> OnnxEmbeddingsConfig:
        return OnnxEmbeddingsConfig()

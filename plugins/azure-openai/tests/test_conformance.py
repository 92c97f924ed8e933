from __future__ import annotations

from dinrail_azure_openai.plugin import AZURE_OPENAI, AzureOpenAIConfig
from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.azure import AZURE_WIRE


class TestAzureOpenAI(ChatModelSuite, CompletionModelSuite, EmbedderSuite, ModelSourceSuite):
    provider = AZURE_OPENAI
    dialect = AZURE_WIRE

    def config(self, upstream: FakeUpstream) -> AzureOpenAIConfig:
        return AzureOpenAIConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})

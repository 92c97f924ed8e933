from __future__ import annotations

from typing import ClassVar

from dinrail_databricks.plugin import DATABRICKS, DatabricksConfig
from dinrail_sdk.testing import ChatModelSuite, CompletionModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.databricks import DATABRICKS_WIRE


class TestDatabricks(ChatModelSuite, CompletionModelSuite, EmbedderSuite, ModelSourceSuite):
    provider = DATABRICKS
    dialect = DATABRICKS_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "context_length_listed": "Databricks tells none",
        "token_inputs": "Databricks embeds texts alone",
    }

    def config(self, upstream: FakeUpstream) -> DatabricksConfig:
        return DatabricksConfig.model_validate({"base_url": upstream.url, "api_key": "sk-of-the-kit"})

from __future__ import annotations

from typing import ClassVar

from dinrail_bedrock.plugin import BEDROCK, BedrockConfig
from dinrail_sdk.testing import ChatModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite
from dinrail_sdk.testing.dialects.bedrock import BEDROCK_WIRE


def signed(upstream: FakeUpstream) -> BedrockConfig:
    return BedrockConfig.model_validate(
        {
            "region": BEDROCK_WIRE.region,
            "base_url": upstream.url,
            "control_url": upstream.url,
            "access_key_id": BEDROCK_WIRE.key_id,
            "secret_access_key": BEDROCK_WIRE.secret,
            "session_token": "session/token+of+the+kit",
        }
    )


class TestBedrock(ChatModelSuite, ModelSourceSuite):
    """Every request is signed, and the upstream checks each signature."""

    provider = BEDROCK
    dialect = BEDROCK_WIRE
    unsupported: ClassVar[dict[str, str]] = {
        "chat_tool_choice": "calls are forbidden by offering nothing; tested in test_requests.py",
        "wrong_types[chat.stream]": "there is no list in its events; tested in test_events.py",
    }

    def config(self, upstream: FakeUpstream) -> BedrockConfig:
        return signed(upstream)


class TestCoheresEmbeddings(EmbedderSuite):
    """Titan's take one text in a request, where the kit asks for several: see ``test_embeddings.py``."""

    provider = BEDROCK
    dialect = BEDROCK_WIRE
    model = "eu.cohere.embed-v4:0"
    unsupported: ClassVar[dict[str, str]] = {
        "model_name": "the model's name says what is sent; tested in test_embeddings.py",
    }

    def config(self, upstream: FakeUpstream) -> BedrockConfig:
        return signed(upstream)

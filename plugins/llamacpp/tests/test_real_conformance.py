from __future__ import annotations

from typing import ClassVar

import pytest

from dinrail_llamacpp.plugin import LLAMACPP, LlamaCppConfig
from dinrail_llamacpp.running import Address
from dinrail_sdk.testing import (
    ChatModelSuite,
    CheckedSuite,
    CompletionModelSuite,
    EngineSuite,
    FakeUpstream,
    ModelSourceSuite,
)

pytestmark = pytest.mark.xdist_group("llamacpp")


class TestRealServer(ChatModelSuite, CompletionModelSuite, ModelSourceSuite, CheckedSuite, EngineSuite):
    """What can be said without knowing the answers beforehand, of a real llama.cpp server."""

    provider = LLAMACPP
    dialect = None
    model = "smollm2"
    unsupported: ClassVar = {
        f"{case}[completions.{form}]": "a model trained on instructions ends at once behind a text that is none"
        for case in ("answer", "cancel_at_once", "closing")
        for form in ("complete", "stream")
    }
    address: Address

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _server(cls, server: Address) -> None:
        cls.address = server

    def config(self, upstream: FakeUpstream) -> LlamaCppConfig:
        return LlamaCppConfig.model_validate({"url": self.address.url, "api_key": self.address.key})

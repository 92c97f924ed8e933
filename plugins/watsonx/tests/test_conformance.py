from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from dinrail_sdk.testing import ChatModelSuite, EmbedderSuite, FakeUpstream, ModelSourceSuite, RerankerSuite
from dinrail_sdk.testing.dialects.watsonx import WATSONX_WIRE
from dinrail_watsonx.plugin import WATSONX, WatsonxConfig

if TYPE_CHECKING:
    from conftest import Script


class TestWatsonx(ChatModelSuite, EmbedderSuite, RerankerSuite, ModelSourceSuite):
    provider = WATSONX
    dialect = WATSONX_WIRE
    iam_url: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _tokens(self, iam: Script) -> None:
        # The suite looks for the configured key in the requests, so tokens are the key itself here.
        iam.token = "{key}"
        type(self).iam_url = iam.url

    def config(self, upstream: FakeUpstream) -> WatsonxConfig:
        found = {"base_url": upstream.url, "iam_url": self.iam_url, "api_key": "sk-of-the-kit", "project_id": "kit"}
        return WatsonxConfig.model_validate(found)

from __future__ import annotations

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.responses import CreateResponse
from dinrail_groq.plugin import GROQ, GroqConfig
from dinrail_sdk.testing import OPENAI, FakeUpstream, open_alone


def test_a_key_in_the_environment_is_enough() -> None:
    assert GROQ.detect is not None
    found = GROQ.detect({"GROQ_API_KEY": "sk-1"})
    assert found is not None
    config = GroqConfig.model_validate(found)
    assert config.api_key is not None
    assert config.api_key.get_secret_value() == "sk-1"
    assert str(config.base_url) == "https://api.groq.com/openai/v1"


@pytest.mark.parametrize("environment", [{}, {"GROQ_API_KEY": ""}])
def test_without_a_key_there_is_no_instance(environment: dict[str, str]) -> None:
    assert GROQ.detect is not None
    assert GROQ.detect(environment) is None


async def test_responses_are_asked_for_without_what_groq_refuses() -> None:
    request = CreateResponse.model_validate(
        {"model": "kit-model", "input": "Hi.", "store": False, "prompt_cache_key": "k", "safety_identifier": "s"}
    )
    async with (
        FakeUpstream.open(OPENAI) as upstream,
        open_alone(GROQ, {"base_url": upstream.url, "responses": "plain"}) as provider,
    ):
        assert provider.plain
        await provider.respond(request, Call())
        assert upstream.received[-1].request.json == {"model": "kit-model", "input": "Hi.", "store": False}

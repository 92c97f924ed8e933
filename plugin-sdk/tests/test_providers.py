"""What the declarations of providers over HTTP have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import pytest
from pydantic import HttpUrl

from dinrail_core.hooks import Context
from dinrail_sdk.openai import OpenAIDialect
from dinrail_sdk.providers import detector, opener
from dinrail_sdk.testing import OPENAI, FakeUpstream
from dinrail_sdk.upstream import BaseUrl, Upstream, UpstreamConfig


class AcmeConfig(UpstreamConfig):
    base_url: BaseUrl = HttpUrl("https://api.acme.example/v1")


HOSTED = detector(key=("ACME_KEY", "ACME_TOKEN"))
LOCAL = detector(key=("ACME_KEY",), url={"ACME_URL": "{}"}, keyless=True)
BOTH = detector(key=("ACME_KEY",), url={"ACME_URL": "{}", "ACME_ID": "https://acme.example/{}/v1"})


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, None),
        ({"ACME_KEY": ""}, None),
        ({"ACME_KEY": "k"}, {"api_key": "k"}),
        ({"ACME_KEY": "", "ACME_TOKEN": "t"}, {"api_key": "t"}),
        ({"ACME_KEY": "k", "ACME_TOKEN": "t"}, {"api_key": "k"}),
    ],
)
def test_a_hosted_provider_is_found_by_its_key(environment: Mapping[str, str], found: object) -> None:
    assert HOSTED(environment) == found


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"ACME_KEY": "k"}, None),
        ({"ACME_URL": "http://a"}, {"base_url": "http://a"}),
        ({"ACME_URL": "http://a", "ACME_KEY": "k"}, {"base_url": "http://a", "api_key": "k"}),
    ],
)
def test_a_server_of_ones_own_is_found_by_its_address(environment: Mapping[str, str], found: object) -> None:
    assert LOCAL(environment) == found


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"ACME_KEY": "k"}, None),
        ({"ACME_URL": "http://a"}, None),
        ({"ACME_KEY": "k", "ACME_URL": "http://a", "ACME_ID": "7"}, {"api_key": "k", "base_url": "http://a"}),
        ({"ACME_KEY": "k", "ACME_ID": "{7}"}, {"api_key": "k", "base_url": "https://acme.example/{7}/v1"}),
    ],
)
def test_key_and_address_may_both_be_needed(environment: Mapping[str, str], found: object) -> None:
    assert BOTH(environment) == found


async def test_without_more_a_provider_is_the_plain_relay() -> None:
    async with opener()(AcmeConfig(), cast("Context", None)) as provider:
        assert type(provider) is OpenAIDialect


async def test_a_provider_of_its_own_is_made_over_the_opened_upstream() -> None:
    def make(config: AcmeConfig, upstream: Upstream) -> tuple[AcmeConfig, Upstream]:
        return config, upstream

    async with FakeUpstream.open(OPENAI) as fake:
        config = AcmeConfig.model_validate({"base_url": fake.url, "api_key": "sk-own"})
        open_own = opener(make, authorize=lambda key: ("x-own-key", key))
        async with open_own(config, cast("Context", None)) as made:
            got, upstream = cast("tuple[AcmeConfig, Upstream]", made)
            assert got is config
            await OpenAIDialect(upstream).models()
        assert fake.received[-1].request.headers["x-own-key"] == "sk-own"

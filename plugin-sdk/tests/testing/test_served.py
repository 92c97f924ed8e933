from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
from honest_provider import Honest, provider_type

from dinrail_core.errors import ConfigurationError
from dinrail_sdk.testing import OPENAI, FakeUpstream, Refused, Served, serve

HONEST = provider_type(Honest)


def instance(upstream: FakeUpstream) -> dict[str, object]:
    return {"providers": {"one": {"type": "honest", "base_url": upstream.url, "api_key": "sk-0123456789"}}}


@pytest.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as upstream:
        yield upstream


@pytest.fixture
async def served(upstream: FakeUpstream) -> AsyncIterator[Served]:
    async with serve(HONEST, config=instance(upstream)) as served:
        yield served


async def test_a_provider_that_is_not_installed_answers_through_the_real_server(served: Served) -> None:
    async with served.openai() as client:
        answer = await client.chat.completions.create(
            model="one/kit-model", messages=[{"role": "user", "content": "Hello."}]
        )
        stream = await client.chat.completions.create(
            model="one/kit-model", messages=[{"role": "user", "content": "Hello."}], stream=True
        )
        pieces = [event.choices[0].delta.content or "" async for event in stream]
        models = [model.id async for model in client.models.list()]
    assert answer.choices[0].message.content == "You said: Hello."
    assert "".join(pieces) == "You said: Hello."
    assert models == ["one/kit-model"]


async def test_a_blocking_client_works_from_a_thread(served: Served) -> None:
    def ask() -> str:
        with served.openai_sync() as client:
            return client.models.list().data[0].id

    assert await asyncio.to_thread(ask) == "one/kit-model"


async def test_an_upstreams_refusal_is_an_http_error(served: Served, upstream: FakeUpstream) -> None:
    upstream.says(Refused(status=429, retry_after=7))
    async with served.openai() as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.completions.create(model="one/kit-model", prompt="Hello.")
    assert caught.value.response.headers["retry-after"] == "7"


async def test_two_servers_run_side_by_side_with_their_own_plugins(served: Served) -> None:
    async with serve() as bare, bare.openai() as client:
        assert bare.url != served.url
        assert [model.id async for model in client.models.list()] == []


async def test_a_wrong_configuration_is_told_as_by_the_program() -> None:
    with pytest.raises(ConfigurationError, match=r"providers\.one\.base_url"):
        async with serve(HONEST, config={"providers": {"one": {"type": "honest", "api_key": "x"}}}):
            pass
    with pytest.raises(ConfigurationError, match="no plugin named 'nobody' is installed"):
        async with serve(plugins=["nobody"]):
            pass


async def test_the_machines_own_configuration_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dinrail.toml").write_text("this is not TOML", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DINRAIL_NONSENSE__KEY", "1")
    async with serve() as served:
        assert served.origin == served.url.removesuffix("/v1")


async def test_nothing_is_left_behind(upstream: FakeUpstream) -> None:
    before = set(sys.modules)
    async with serve(HONEST, config=instance(upstream)):
        pass
    await upstream.quiet()
    assert not {name for name in set(sys.modules) - before if name.startswith("dinrail_kit_plugin")}
    assert asyncio.all_tasks() == {asyncio.current_task()}

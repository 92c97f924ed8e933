"""Models of the operator's own making, and limits, as the rail shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.response import ChatChunk, ChatCompletion
from dinrail_core.api.embeddings import Embedder, EmbeddingRequest
from dinrail_core.api.provider import ModelInfo, ModelSource
from dinrail_core.errors import ConfigurationError, ModelNotFound, NothingServes, UpstreamFailed
from dinrail_core.hooks import Rail
from dinrail_core.hooks.context import Price
from dinrail_core.host import Host

if TYPE_CHECKING:
    from conftest import Rig


class Chats(ChatModel, ModelSource):
    """Answers with what it was asked for."""

    def __init__(self, *models: str) -> None:
        self.listed = models
        self.asked: list[str] = []
        self.fails = False

    async def models(self) -> Sequence[ModelInfo]:
        return [ModelInfo(model, context_length=10) for model in self.listed]

    async def complete(self, request: ChatRequest, call: Call) -> Answer[ChatCompletion]:
        self.asked.append(request.model)
        if self.fails:
            raise UpstreamFailed("down")
        return Answer(ChatCompletion, body=b"{}")

    async def stream(self, request: ChatRequest, call: Call) -> Stream[ChatChunk]:
        raise AssertionError


def install(rig: Rig, config: dict[str, Any] | None = None, **chats: Chats) -> dict[str, Any]:
    rig.plugin("chats", providers=[rig.provider(name, chat, apis=[ChatModel]) for name, chat in chats.items()])
    return {"providers": {name: {"type": name} for name in chats}, **(config or {})}


async def ask(rail: Rail, model: str) -> Answer[ChatCompletion]:
    target = await rail.resolve(ChatModel, model)
    request = ChatRequest.model_validate({"model": target.model, "messages": [{"role": "user", "content": "Hi"}]})
    return await target.provider.complete(request, Call())


async def listed(host: Host) -> list[str]:
    for instance in host.plan.instances.values():
        if instance.listing is not None:
            await instance.listing.refresh()
    return [model.id for model in await host.rail.models()]


async def test_a_name_leads_to_whichever_model_answers(rig: Rig) -> None:
    one, two = Chats("m"), Chats("n")
    models = {"fast": {"targets": ["one/m"], "fallback": ["two/n"]}, "best": {"targets": ["fast"]}}
    async with rig.host(install(rig, {"models": models, "aliases": {"gpt": "best"}}, one=one, two=two)) as host:
        assert (await ask(host.rail, "gpt")).headers["x-dinrail-model"] == "one/m"
        one.fails = True
        assert (await ask(host.rail, "gpt")).headers["x-dinrail-model"] == "two/n"
        assert (one.asked, two.asked) == (["m", "m"], ["n"])


async def test_settings_of_a_real_model_hold_however_it_is_called(rig: Rig) -> None:
    one = Chats("m")
    async with rig.host(
        install(rig, {"models": {"one/m": {"retries": 1}}, "aliases": {"x": "one/m"}}, one=one)
    ) as host:
        one.fails = True
        for name in ("one/m", "x"):
            with pytest.raises(UpstreamFailed):
                await ask(host.rail, name)
        assert one.asked == ["m"] * 4


async def test_it_is_listed_with_what_the_model_behind_it_tells(rig: Rig) -> None:
    models: dict[str, Any] = {"fast": {"targets": ["lost/x", "one/m"]}, "lost": {"targets": ["lost/x"]}, "one/m": {}}
    async with rig.host(install(rig, {"models": models}, one=Chats("m"))) as host:
        assert await listed(host) == ["one/m", "fast"]
        assert (await host.rail.model("fast")).model_dump()["context_length"] == 10
        assert (await host.rail.model("one/m")).id == "one/m"
        with pytest.raises(ModelNotFound):
            await host.rail.model("lost")


async def test_only_models_behind_it_that_one_may_use_are_asked(rig: Rig) -> None:
    one, two = Chats("m"), Chats("n")
    async with rig.host(install(rig, {"models": {"fast": {"targets": ["one/m", "two/n"]}}}, one=one, two=two)) as host:
        limited = host.rail.limited_to(lambda instance, model: instance == "two")
        for _ in range(3):
            assert (await ask(limited, "fast")).headers["x-dinrail-instance"] == "two"
        assert one.asked == []


async def test_a_contract_that_none_of_them_fulfils_is_said(rig: Rig) -> None:
    async with rig.host(install(rig, {"models": {"fast": {"targets": ["one/m"]}}}, one=Chats("m"))) as host:
        target = await host.rail.resolve(Embedder, "fast")
        with pytest.raises(NothingServes):
            await target.provider.embed(EmbeddingRequest(model="fast", input="Hi"), Call())


async def test_a_model_that_is_not_allowed_does_not_exist(rig: Rig) -> None:
    config = install(rig, one=Chats("m", "n"))
    config["providers"]["one"]["limits"] = {"models": ["m*"]}
    async with rig.host(config) as host:
        assert await listed(host) == ["one/m"]
        await ask(host.rail, "one/m")
        await ask(host.rail, "one/mistral")
        for name in ("one/n", "n"):
            with pytest.raises(ModelNotFound):
                await ask(host.rail, name)


async def test_prices_are_told_by_name(rig: Rig) -> None:
    models = {"one/m": {"price": {"input": 2, "output": 8}}, "fast": {"targets": ["one/m"]}}
    async with rig.host(install(rig, {"models": models}, one=Chats("m"))) as host:
        assert host.rail.price("one/m") == Price(2, 8)
        assert host.rail.price("fast") is None
        assert Price(2, 8).cost(500_000, 250_000) == 3


@pytest.mark.parametrize(
    ("limits", "key"),
    [({"concurency": 1}, "providers.one.limits.concurency"), ({"concurrency": 0}, "concurrency"), (3, "one.limits")],
)
def test_limits_are_checked_at_the_start(rig: Rig, limits: object, key: str) -> None:
    config = install(rig, one=Chats("m"))
    config["providers"]["one"]["limits"] = limits
    with pytest.raises(ConfigurationError, match=key):
        rig.plan(config)

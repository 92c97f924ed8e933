"""The server's operations without HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dinrail_core.api.access import AuditEvent, Authenticator, Meter, Policy
from dinrail_core.api.call import LOCAL, Call, Principal
from dinrail_core.api.operations import Operations
from dinrail_core.errors import NotFound, PermissionDenied, RateLimited
from dinrail_core.hooks import Rail
from dinrail_sdk.testing import OPENAI, FakeUpstream, Refused, Say, Spoken, open_rail
from dinrail_server.contract import Counted
from dinrail_server.operations import ServerOperations

CHAT = "/v1/chat/completions"
BODY = {"model": "up/kit-model", "messages": [{"role": "user", "content": "Hello."}]}


class Rules(Policy):
    limits_models = True

    def may_use(self, instance: str, model: str | None) -> bool:
        return model != "kit-model"

    def may_call(self, method: str, path: str) -> bool:
        return (method, path) != ("POST", "/v1/embeddings")


class Everything(Rules):
    limits_models = False


class Counting(Meter):
    counts_tokens = True

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.full = False

    async def enter(self) -> None:
        if self.full:
            raise RateLimited("Too many.", retry_after=3)

    def leave(self, tokens: int) -> None:
        self.taken.append(tokens)

    def headers(self) -> dict[str, str]:
        return {}


class Guards(Authenticator):
    required = True
    upstream_keys = False

    def __init__(self) -> None:
        self.counting = Counting()

    def recall(self, headers: Any) -> None:
        return None

    async def identify(self, headers: Any) -> Any:
        raise AssertionError("nobody shows anything")

    def policy(self, principal: Principal) -> Policy:
        return Rules() if principal.user == "ann" else Everything()

    def meter(self, principal: Principal) -> Meter | None:
        return self.counting

    def record(self, event: AuditEvent) -> None:
        pass


@pytest.fixture
async def upstream() -> Any:
    async with FakeUpstream.open(OPENAI) as opened:
        yield opened


@pytest.fixture
async def rail(upstream: FakeUpstream) -> Any:
    provider = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"]}
    async with open_rail(plugins=["openai-compatible"], config={"providers": {"up": provider}}) as opened:
        yield opened


async def test_an_operation_answers_as_it_does_over_http(rail: Rail, upstream: FakeUpstream) -> None:
    upstream.says(Spoken(choices=(Say(text="Hi."),)))
    operations = await rail.service(Operations)
    found = await operations.perform(CHAT, BODY, Call())
    assert (found.status, found.code) == (200, None)
    assert json.loads(found.body)["choices"][0]["message"]["content"] == "Hi."


async def test_what_an_operation_takes_is_counted_for_who_began_it(rail: Rail, upstream: FakeUpstream) -> None:
    upstream.says(Spoken(choices=(Say(text="Hi."),)))
    operations, counted = await rail.service(Operations), await rail.service(Counted)
    found = await operations.perform(CHAT, BODY, Call(credential="key_1"))
    await operations.perform(CHAT, {}, Call(credential="key_1"))
    usage = json.loads(found.body)["usage"]
    assert sorted(counted.snapshot()["tokens"]) == [
        ["up/kit-model", "key_1", "input", usage["prompt_tokens"]],
        ["up/kit-model", "key_1", "output", usage["completion_tokens"]],
    ]


@pytest.mark.parametrize(
    ("path", "body", "status", "param"),
    [
        (CHAT, {"model": "up/kit-model"}, 400, "messages"),
        (CHAT, [], 400, None),
        (CHAT, {**BODY, "stream": True}, 400, "stream"),
        (CHAT, {**BODY, "model": "nothing"}, 404, "model"),
        (CHAT, {**BODY, "metadata": json.loads("[" * 80 + "]" * 80)}, 400, None),
        ("/v1/nothing", {}, 404, "endpoint"),
        ("/v1/files", {}, 404, "endpoint"),
        ("/v1/models", {}, 404, "endpoint"),
        ("/v1/conversations/conv_1", {}, 404, "endpoint"),
    ],
)
async def test_errors_are_outcomes(rail: Rail, path: str, body: Any, status: int, param: str | None) -> None:
    found = await (await rail.service(Operations)).perform(path, body, Call())
    error = json.loads(found.body)["error"]
    assert (found.status, error["param"], error["code"]) == (status, param, found.code)


async def test_an_upstream_that_asks_for_patience_is_passed_on(rail: Rail, upstream: FakeUpstream) -> None:
    upstream.says(Refused(status=429, retry_after=7))
    found = await (await rail.service(Operations)).perform(CHAT, BODY, Call())
    assert (found.status, found.code, found.retry_after) == (429, "rate_limit_exceeded", 7)


async def test_what_a_principal_may_not_use_is_refused(rail: Rail, upstream: FakeUpstream) -> None:
    guards = Guards()
    operations = ServerOperations(rail, guards)
    ann, bob = Principal("acme", "ann"), Principal("acme", "bob")
    assert (await operations.perform(CHAT, BODY, Call(ann))).code == "model_not_found"
    assert (await operations.perform(CHAT, BODY, Call(bob))).status == 200
    operations.check(CHAT, ann)
    with pytest.raises(PermissionDenied):
        operations.check("/v1/embeddings", ann)
    with pytest.raises(NotFound):
        operations.check("/v1/videos", ann)
    assert (await operations.perform("/v1/embeddings", {}, Call(ann))).status == 403
    guards.required = False
    assert (await operations.perform(CHAT, BODY, Call(LOCAL))).status == 200


async def test_what_is_used_is_counted_and_limits_are_held_to(rail: Rail, upstream: FakeUpstream) -> None:
    guards = Guards()
    operations = ServerOperations(rail, guards)
    bob = Call(Principal("acme", "bob"))
    found = await operations.perform(CHAT, BODY, bob)
    assert guards.counting.taken == [json.loads(found.body)["usage"]["total_tokens"]]
    guards.counting.full = True
    with pytest.raises(RateLimited):
        await operations.perform(CHAT, BODY, bob)
    assert len(guards.counting.taken) == 1

"""Signatures and the credentials behind them; the upstream recomputes each signature by itself."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from dinrail_bedrock.plugin import BEDROCK
from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.errors import InvalidRequest, UpstreamRefused
from dinrail_sdk.testing import FakeUpstream, open_alone
from dinrail_sdk.testing.aws import check_signature
from dinrail_sdk.testing.dialect import Request
from dinrail_sdk.testing.dialects.bedrock import BEDROCK_WIRE

CHAT = ChatRequest.model_validate({"model": "m", "messages": [{"role": "user", "content": "Hi."}]})
FIXED = {"access_key_id": BEDROCK_WIRE.key_id, "secret_access_key": BEDROCK_WIRE.secret}
PROGRAM = """
import datetime, json, pathlib
with pathlib.Path({ran!r}).open("a") as file:
    file.write("x")
until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds={seconds})
print(json.dumps({{
    "Version": 1, "AccessKeyId": {id!r}, "SecretAccessKey": {secret!r}, "SessionToken": "t",
    "Expiration": until.isoformat(),
}}))
"""

Profile = Callable[[int], Path]


def config(upstream: FakeUpstream, **more: Any) -> dict[str, Any]:
    return {"region": "us-east-1", "base_url": upstream.url, "control_url": upstream.url, "max_retries": 0, **more}


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """Makes a profile ``kit`` whose credentials come from a program and are good for so many seconds.

    Returns the file that grows by a byte each time the program runs.
    """

    def make(seconds: int) -> Path:
        ran, program = tmp_path / "ran", tmp_path / "program.py"
        known = {"id": BEDROCK_WIRE.key_id, "secret": BEDROCK_WIRE.secret}
        program.write_text(PROGRAM.format(ran=str(ran), seconds=seconds, **known))
        command = shlex.join([sys.executable, str(program)])
        (tmp_path / "config").write_text(f"[profile kit]\ncredential_process = {command}\n")
        return ran

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return make


@pytest.mark.parametrize("model", ["amazon.nova-lite-v1:0", "arn:aws:bedrock:us-east-1:1:inference-profile/a b~ü"])
@pytest.mark.parametrize("text", ["Hi.", "long " * 100_000])
async def test_a_signature_is_of_the_request_as_it_is_sent(model: str, text: str) -> None:
    chat = ChatRequest.model_validate({"model": model, "messages": [{"role": "user", "content": text}]})
    headers = {"x-amzn-bedrock-note": "two  words"}
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream, headers=headers, session_token="t/1", **FIXED)) as provider,
    ):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        answer = await provider.complete(chat, Call(traceparent=trace))
        assert upstream.asked.model == model
        request = upstream.received[-1].request
    assert text in answer.body.decode()
    signed = "accept;content-type;host;x-amz-date;x-amz-security-token;x-amzn-bedrock-note"
    assert f"SignedHeaders={signed}," in request.headers["authorization"]
    assert request.headers["x-amz-security-token"] == "t/1"


async def test_a_wrong_secret_is_seen_by_the_upstream() -> None:
    wrong = {**FIXED, "secret_access_key": "another"}
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream, **wrong)) as provider,
    ):
        for ask in (provider.complete, provider.stream):
            with pytest.raises(InvalidRequest, match="does not match the signature"):
                await ask(CHAT, Call())


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "GET"},
        {"path": "/model/m%3A0/converse-stream"},
        {"path": "/model/m%3A0/converse?x=1"},
        {"body": b"{ }"},
        {"headers": {"host": "another"}},
        {"headers": {"x-amz-security-token": "s"}},
        {"headers": {"authorization": "Bearer t"}},
    ],
)
async def test_whatever_is_changed_after_signing_is_seen(changed: dict[str, Any]) -> None:
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream, **FIXED)) as provider,
    ):
        await provider.complete(CHAT.model_copy(update={"model": "m:0"}), Call())
        sent = upstream.received[-1].request
    known = {"key_id": BEDROCK_WIRE.key_id, "secret": BEDROCK_WIRE.secret, "region": "us-east-1"}
    check_signature(sent, service="bedrock", **known)
    parts = {"method": sent.method, "path": sent.path, "body": sent.body, **changed}
    other = Request(**{**parts, "headers": {**sent.headers, **changed.get("headers", {})}})
    with pytest.raises(ValueError, match=r"[Tt]oken|signature"):
        check_signature(other, service="bedrock", **known)


@pytest.mark.parametrize("how", ["configured", "callers"])
async def test_a_key_of_bedrocks_is_sent_instead_of_a_signature(how: str) -> None:
    settings = {"api_key": "ABSK-1"} if how == "configured" else FIXED
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream, **settings)) as provider,
    ):
        await provider.complete(CHAT, Call(upstream_key=SecretStr("ABSK-1") if how == "callers" else None))
        headers = upstream.received[-1].request.headers
    assert headers["authorization"] == "Bearer ABSK-1"
    assert "x-amz-date" not in headers


@pytest.mark.parametrize(("seconds", "due"), [(3600, False), (300, False), (30, True)])
async def test_credentials_are_kept_while_they_are_good_and_renewed_before_they_expire(
    profile: Profile, seconds: int, due: bool
) -> None:
    ran = profile(seconds)
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream, profile="kit")) as provider,
    ):
        await provider.complete(CHAT, Call())
        before = ran.stat().st_size
        await provider.complete(CHAT, Call())
        assert upstream.received[-1].request.headers["x-amz-security-token"] == "t"
    assert (ran.stat().st_size > before) is due


async def test_many_that_ask_at_once_look_for_credentials_once(profile: Profile) -> None:
    ran = profile(3600)
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream, profile="kit")) as provider,
    ):
        await asyncio.gather(*(provider.complete(CHAT, Call()) for _ in range(5)))
    assert ran.stat().st_size == 1


@pytest.mark.parametrize("name", ["missing", "broken", None])
async def test_without_credentials_nothing_is_sent(profile: Profile, tmp_path: Path, name: str | None) -> None:
    (tmp_path / "config").write_text("[profile broken]\ncredential_process = false\n")
    async with (
        FakeUpstream.open(BEDROCK_WIRE) as upstream,
        open_alone(BEDROCK, config(upstream, profile=name)) as provider,
    ):
        with pytest.raises(UpstreamRefused, match="credentials"):
            await provider.complete(CHAT, Call())
        assert upstream.received == []

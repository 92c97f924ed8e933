"""Responses whose input and output are judged by a moderation model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from dialogue import MODEL, PLUGINS, post, raw_events, summed

from dinrail_core.api.responses import Response
from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.dialects.openai import OPENAI
from dinrail_sdk.testing.script import Asked, Refused, Script, Spoken, Verdict, Verdicts, improvise

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVIL = Verdict(violated=frozenset({"violence"}), scores={"violence": 0.9})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(upstream: FakeUpstream) -> AsyncIterator[Served]:
    one = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"], "max_retries": 0}
    mute = {**one, "apis": ["chat"]}
    async with serve(plugins=PLUGINS, config={"providers": {"one": one, "mute": mute}}) as running:
        yield running


def judges(upstream: FakeUpstream, said: str = "Hello.") -> None:
    """The model says this, and whatever speaks of evil is flagged."""
    upstream.received.clear()

    def script(asked: Asked) -> Script:
        if asked.api == "moderations":
            if "broken" in str(asked.inputs):
                return Refused(status=500, message="Broken.")
            return Verdicts(verdicts=(EVIL if "evil" in str(asked.inputs).lower() else Verdict(),))
        return Spoken.of(said) if asked.api == "chat" else improvise(asked, "kit-model")

    upstream.says(script)


def asked(upstream: FakeUpstream) -> list[str]:
    return [received.asked.api for received in upstream.received if received.asked and received.asked.api != "models"]


def moderation(**modes: str) -> dict[str, Any]:
    return {"model": MODEL, "policy": {side: {"mode": mode} for side, mode in modes.items()}}


async def test_what_goes_in_and_what_comes_out_is_scored(served: Served, upstream: FakeUpstream) -> None:
    judges(upstream, "An evil plan.")
    picture = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
    content = [{"type": "input_text", "text": "Tell me."}, picture]
    status, made = await post(
        served, {"model": MODEL, "input": [{"role": "user", "content": content}], "moderation": {"model": MODEL}}
    )
    assert (status, made["status"]) == (200, "completed")
    assert Response.model_validate(made).moderation is not None
    assert (made["moderation"]["input"]["flagged"], made["moderation"]["output"]["flagged"]) == (False, True)
    assert made["moderation"]["output"]["type"] == "moderation_result"
    assert made["moderation"]["output"]["category_scores"]["violence"] == 0.9
    assert asked(upstream) == ["moderations", "chat", "moderations"]
    first = next(one.asked for one in upstream.received if one.asked is not None and one.asked.api == "moderations")
    assert first.inputs == ("Tell me.", picture["image_url"])


async def test_what_nobody_asked_to_moderate_says_nothing_of_it(served: Served, upstream: FakeUpstream) -> None:
    judges(upstream)
    assert "moderation" not in (await post(served, {"model": MODEL, "input": "evil"}))[1]
    assert asked(upstream) == ["chat"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_input_that_is_blocked_is_told_to_no_model(
    streamed: bool, served: Served, upstream: FakeUpstream
) -> None:
    judges(upstream)
    compaction = [{"type": "compaction", "compact_threshold": 1000}]
    body = {"input": "evil" * 2000, "moderation": moderation(input="block"), "context_management": compaction}
    if streamed:
        events = await raw_events(served, body)
        assert [event["type"] for event in events][-1] == "response.incomplete"
        made = events[-1]["response"]
    else:
        _, made = await post(served, {"model": MODEL, **body})
    assert (made["status"], made["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert made["output"] == []
    assert made["moderation"]["input"]["flagged"]
    assert made["moderation"]["output"]["code"] == "blocked"
    assert asked(upstream) == ["moderations"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_nothing_of_an_output_that_is_blocked_is_told(
    streamed: bool, served: Served, upstream: FakeUpstream
) -> None:
    judges(upstream, "An evil plan.")
    body = {"input": "Tell me.", "moderation": moderation(output="block")}
    if streamed:
        events = await raw_events(served, body)
        kinds = [event["type"] for event in events]
        assert kinds == ["response.created", "response.in_progress", "response.incomplete"]
        made = events[-1]["response"]
    else:
        _, made = await post(served, {"model": MODEL, **body})
    assert (made["status"], made["output"]) == ("incomplete", [])
    assert made["completed_at"] is None
    assert made["moderation"]["output"]["flagged"]
    assert "plan" not in str(made)
    judges(upstream)
    _, after = await post(served, {"model": MODEL, "input": "And?", "previous_response_id": made["id"]})
    assert [message.text for message in upstream.asked.messages] == ["Tell me.", "And?"]
    assert after["status"] == "completed"


async def test_what_passes_is_told_whole(served: Served, upstream: FakeUpstream) -> None:
    judges(upstream)
    events = await raw_events(served, {"input": "Hi.", "moderation": moderation(input="block", output="block")})
    assert summed(events) == events[-1]["response"]["output"]
    assert events[-1]["response"]["output"]
    assert events[0]["response"]["moderation"] is None
    assert not events[-1]["response"]["moderation"]["output"]["flagged"]


async def test_what_cannot_be_judged_passes_unless_it_may_be_blocked(served: Served, upstream: FakeUpstream) -> None:
    judges(upstream)
    body = {"model": MODEL, "input": "broken"}
    _, made = await post(served, {**body, "moderation": {"model": MODEL}})
    assert made["status"] == "completed"
    assert made["moderation"]["input"]["type"] == "error"
    status, _ = await post(served, {**body, "moderation": moderation(input="block")})
    assert status == 502


async def test_a_model_that_does_not_judge_is_refused(served: Served, upstream: FakeUpstream) -> None:
    judges(upstream)
    status, refused = await post(served, {"model": MODEL, "input": "?", "moderation": {"model": "mute/kit-model"}})
    assert (status, refused["error"]["param"]) == (404, "moderation.model")
    assert asked(upstream) == []


async def test_no_judge_is_sent_inside(served: Served, upstream: FakeUpstream) -> None:
    judges(upstream)
    content = [{"type": "input_image", "image_url": "http://169.254.169.254/latest"}]
    status, told = await post(
        served, {"model": MODEL, "input": [{"role": "user", "content": content}], "moderation": {"model": MODEL}}
    )
    assert (status, told["error"]["param"], asked(upstream)) == (400, "input.0.content.0.image_url", [])

"""Batches from their first line to their files."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import openai
import pytest
from desk import Desk, chat_line, completion, lines_of, written

from dinrail_core.errors import (
    ContentFiltered,
    DinrailError,
    RateLimited,
    UpstreamFailed,
    UpstreamRefused,
    UpstreamUnavailable,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_each_line_is_answered_once_in_the_order_of_the_file(desk: Desk) -> None:
    lines = [chat_line(f"line-{number}", f"text {number}") for number in range(30)]
    begun = await desk.send(lines, metadata={"purpose": "test"})
    assert begun.object == "batch"
    assert begun.status in ("validating", "in_progress")
    assert begun.metadata == {"purpose": "test"}
    assert begun.expires_at == begun.created_at + 86_400
    batch = await desk.ended(begun)
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 30, "completed": 30, "failed": 0}
    assert batch.model == "up/kit"
    assert batch.error_file_id is None
    assert batch.errors is None
    assert batch.in_progress_at is not None
    assert batch.finalizing_at is not None
    assert batch.completed_at is not None
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at
    assert batch.usage is not None
    assert batch.usage.model_dump() == {
        "input_tokens": 210,
        "input_tokens_details": {"cached_tokens": 120},
        "output_tokens": 60,
        "output_tokens_details": {"reasoning_tokens": 30},
        "total_tokens": 270,
    }
    assert batch.output_file_id is not None
    file = await desk.client.files.retrieve(batch.output_file_id)
    assert (file.purpose, file.filename, file.expires_at) == ("batch_output", f"{batch.id}_output.jsonl", None)
    found = lines_of((await desk.client.files.content(batch.output_file_id)).content)
    assert [line["custom_id"] for line in found] == [line["custom_id"] for line in lines]
    for line in found:
        assert line.keys() == {"id", "custom_id", "response", "error"}
        assert line["id"].startswith("batch_req_")
        assert line["error"] is None
        assert line["response"]["status_code"] == 200
        assert line["response"]["request_id"].startswith("req_")
        assert line["response"]["body"]["choices"][0]["message"]["content"] == "ok"
    assert desk.model.asked == {f"text {number}": 1 for number in range(30)}
    assert desk.model.models == {"kit"}
    assert desk.model.most <= 4


async def test_a_bad_line_fails_that_line_only(desk: Desk) -> None:
    async def says(text: str) -> Any:
        match text:
            case "filtered":
                return ContentFiltered("Not this.")
            case "refused":
                return UpstreamRefused("The key is wrong.")
            case "rubbish":
                return b"no json"
            case "pretty":
                return completion("fine").replace(b", ", b",\n  ")
        return "ok"

    desk.model.says = says
    long = {"model": "up/kit", "messages": "none"}
    batch = await desk.done(
        [
            chat_line("good"),
            chat_line("filtered", "filtered"),
            chat_line("malformed", body=long),
            chat_line("nobody", body={"model": "up/", "messages": [{"role": "user", "content": "a"}]}),
            chat_line("streamed", body={**chat_line("")["body"], "stream": True}),
            chat_line("refused", "refused"),
            chat_line("rubbish", "rubbish"),
            chat_line("pretty", "pretty"),
        ]
    )
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert batch.request_counts.model_dump() == {"total": 8, "completed": 2, "failed": 6}
    results = await desk.results(batch)
    assert batch.error_file_id is not None
    failed = lines_of((await desk.client.files.content(batch.error_file_id)).content)
    assert [line["custom_id"] for line in failed] == [
        "filtered",
        "malformed",
        "nobody",
        "streamed",
        "refused",
        "rubbish",
    ]
    told = {name: line["response"]["status_code"] for name, line in results.items()}
    assert told == {
        "good": 200,
        "filtered": 400,
        "malformed": 400,
        "nobody": 404,
        "streamed": 400,
        "refused": 502,
        "rubbish": 502,
        "pretty": 200,
    }
    assert results["malformed"]["response"]["body"]["error"]["param"] == "messages"
    assert results["streamed"]["response"]["body"]["error"]["param"] == "stream"
    assert desk.model.asked["refused"] == 1, "a wrong key does not become right"


@pytest.mark.parametrize(
    "error",
    [RateLimited("Slow down.", retry_after=0.05), UpstreamUnavailable("Overloaded."), UpstreamFailed("Oops.")],
    ids=lambda error: type(error).__name__,
)
async def test_what_passes_is_asked_again_until_it_is_answered(desk: Desk, error: DinrailError) -> None:
    async def says(text: str) -> Any:
        return error if desk.model.asked[text] < 3 else "at last"

    desk.model.says = says
    batch = await desk.done([chat_line("one"), chat_line("two", "other")])
    assert batch.request_counts is not None
    assert batch.request_counts.completed == 2
    assert desk.model.asked == {"hello": 3, "other": 3}


async def test_what_does_not_pass_fails_the_line_in_the_end(desk: Desk) -> None:
    async def says(text: str) -> Any:
        return UpstreamUnavailable("Gone.") if text == "gone" else "ok"

    desk.model.says = says
    batch = await desk.done([chat_line("gone", "gone"), chat_line("there")])
    results = await desk.results(batch)
    assert results["gone"]["response"]["status_code"] == 503
    assert results["there"]["response"]["status_code"] == 200
    assert desk.model.asked["gone"] == 5


async def test_counts_move_while_lines_are_asked(desk: Desk) -> None:
    go_on = asyncio.Event()

    async def says(text: str) -> Any:
        if text == "slow":
            await go_on.wait()
        return "ok"

    desk.model.says = says
    begun = await desk.send([chat_line("a"), chat_line("b"), chat_line("c", "slow")])
    seen = await desk.until(
        begun, lambda batch: batch.request_counts is not None and batch.request_counts.completed == 2
    )
    assert (seen.status, seen.output_file_id) == ("in_progress", None)
    assert seen.request_counts is not None
    assert seen.request_counts.total == 3
    go_on.set()
    assert (await desk.ended(begun)).status == "completed"


async def test_a_cancelled_batch_keeps_what_was_finished(desk: Desk) -> None:
    async def says(text: str) -> Any:
        if text == "endless":
            await asyncio.Event().wait()
        return "ok"

    desk.model.says = says
    begun = await desk.send([chat_line("a"), *(chat_line(f"b{number}", "endless") for number in range(9))])
    await desk.completed(begun, 1)
    cancelling = await desk.client.batches.cancel(begun.id)
    assert cancelling.status == "cancelling"
    assert cancelling.cancelling_at is not None
    at = time.monotonic()
    batch = await desk.ended(begun)
    assert (batch.status, desk.model.at_once) == ("cancelled", 0)
    assert time.monotonic() - at < 10
    assert batch.cancelled_at is not None
    assert (await desk.results(batch)).keys() == {"a"}
    assert (await desk.client.batches.cancel(begun.id)).status == "cancelled"


async def test_a_batch_that_has_ended_cannot_be_cancelled(desk: Desk) -> None:
    batch = await desk.done([chat_line("a")])
    with pytest.raises(openai.ConflictError):
        await desk.client.batches.cancel(batch.id)


async def test_files_vanish_when_the_batch_says_so(desk: Desk) -> None:
    batch = await desk.done([chat_line("a")], output_expires_after={"anchor": "created_at", "seconds": 3600})
    assert batch.output_file_id is not None
    file = await desk.client.files.retrieve(batch.output_file_id)
    assert file.expires_at is not None
    assert 3595 < file.expires_at - file.created_at <= 3600


async def test_more_lines_than_one_step_takes_are_all_asked(desk: Desk) -> None:
    blank = [b"", b"  \r"]
    lines = [chat_line(f"line-{number}", str(number)) for number in range(600)]
    batch = await desk.done(written([*blank, *lines[:400], *blank, *lines[400:]]))
    assert batch.request_counts is not None
    assert batch.request_counts.completed == 600
    assert (await desk.results(batch)).keys() == {line["custom_id"] for line in lines}
    assert set(desk.model.asked.values()) == {1}


async def test_batches_are_listed_newest_first(desk: Desk) -> None:
    made = [(await desk.send([chat_line("a")])).id for _ in range(3)]
    first = await desk.client.batches.list(limit=2)
    assert ([batch.id for batch in first.data], first.has_more) == (made[:0:-1], True)
    pages = [batch.id async for batch in desk.client.batches.list(limit=2)]
    assert pages[:3] == made[::-1]
    assert pages == [batch.id for batch in (await desk.client.batches.list(limit=100)).data]
    for batch_id in made:
        await desk.ended(await desk.client.batches.retrieve(batch_id))

"""What is wrong with a batch is told: at once where it can be, else by the batch, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest
from desk import Desk, chat_line, open_desk, written

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD_LINES: list[tuple[Any, str, str | None]] = [
    (b"{", "invalid_json_line", None),
    (b"[]", "invalid_json_line", None),
    (b'{"custom_id": "\xff"}', "invalid_json_line", None),
    (chat_line("good"), "duplicate_custom_id", "custom_id"),
    (chat_line(""), "invalid_custom_id", "custom_id"),
    (chat_line("a" * 600), "invalid_custom_id", "custom_id"),
    (chat_line(7), "invalid_custom_id", "custom_id"),
    (chat_line("x0", method="GET"), "invalid_method", "method"),
    (chat_line("x1", url="/v1/embeddings"), "invalid_url", "url"),
    (chat_line("x2", url="/v1/files"), "invalid_url", "url"),
    (chat_line("x3", body=[]), "invalid_body", "body"),
    (chat_line("x4", body={"messages": []}), "missing_required_parameter", "body.model"),
]


async def test_every_bad_line_is_told_by_its_number(desk: Desk) -> None:
    batch = await desk.done([chat_line("good"), b"", *(line for line, _, _ in BAD_LINES)])
    assert batch.status == "failed"
    assert batch.failed_at is not None
    assert batch.errors is not None
    assert batch.errors.data is not None
    told = [(error.line, error.code, error.param) for error in batch.errors.data]
    assert told == [(number, code, param) for number, (_, code, param) in enumerate(BAD_LINES, 3)]
    assert all(error.message for error in batch.errors.data)
    assert (batch.output_file_id, batch.error_file_id) == (None, None)
    assert not desk.model.asked


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "empty_file"), (b"\n \n\n", "empty_file"), (b"\x00\x01", "invalid_json_line")]
)
async def test_a_file_without_requests_fails(desk: Desk, content: bytes, code: str) -> None:
    batch = await desk.done(content)
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert [error.code for error in batch.errors.data] == [code]


async def test_only_the_first_hundred_errors_are_told(desk: Desk) -> None:
    batch = await desk.done([b"{"] * 5_000)
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert [error.line for error in batch.errors.data] == list(range(1, 101))


async def test_a_file_is_only_so_large_and_long(tmp_path: Path) -> None:
    async with open_desk(tmp_path, batches={"max_lines": 3, "max_bytes": 2_000}) as desk:
        assert (await desk.done([chat_line(str(n)) for n in range(3)])).status == "completed"
        batch = await desk.done([chat_line(str(n)) for n in range(5)])
        assert batch.errors is not None
        assert batch.errors.data is not None
        assert [(error.code, error.line) for error in batch.errors.data] == [("too_many_requests", 4)]
        batch = await desk.done([chat_line("a", "b" * 2_000)])
        assert batch.errors is not None
        assert batch.errors.data is not None
        assert [error.code for error in batch.errors.data] == ["file_too_large"]


async def test_what_is_wrong_with_the_batch_itself_is_told_at_once(desk: Desk) -> None:
    batches, files = desk.client.batches, desk.client.files
    good = await files.create(file=("a", written([chat_line("a")])), purpose="batch")
    other = await files.create(file=("a", b"a"), purpose="user_data")
    chat: Any = {"endpoint": "/v1/chat/completions", "completion_window": "24h"}
    refused: list[tuple[dict[str, Any], str | None, int]] = [
        ({**chat, "input_file_id": "file-none"}, "input_file_id", 404),
        ({**chat, "input_file_id": other.id}, "input_file_id", 400),
        ({**chat, "input_file_id": good.id, "endpoint": "/v1/files"}, "endpoint", 400),
        ({**chat, "input_file_id": good.id, "endpoint": "/v1/videos"}, "endpoint", 400),
        ({**chat, "input_file_id": good.id, "endpoint": "/v1/responses"}, None, 404),
        ({**chat, "input_file_id": good.id, "completion_window": "1h"}, "completion_window", 400),
        ({**chat, "input_file_id": good.id, "metadata": {"a": "b" * 600}}, "metadata.a", 400),
        (
            {**chat, "input_file_id": good.id, "output_expires_after": {"anchor": "created_at", "seconds": 60}},
            "output_expires_after.seconds",
            400,
        ),
    ]
    for body, param, status in refused:
        with pytest.raises(openai.APIStatusError) as caught:
            await batches.create(**body)
        assert (caught.value.status_code, caught.value.param) == (status, param)
    for call in (batches.retrieve, batches.cancel):
        with pytest.raises(openai.NotFoundError):
            await call("batch_none")


async def test_a_file_that_is_deleted_meanwhile_fails_the_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = await desk.send([chat_line("a")])
    await desk.client.files.delete(batch.input_file_id)
    ended = await desk.ended(batch)
    if ended.status == "failed":  # or it has been faster
        assert ended.errors is not None
        assert ended.errors.data is not None
        assert [error.code for error in ended.errors.data] == ["input_file_not_found"]

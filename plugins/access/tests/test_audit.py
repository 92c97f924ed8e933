"""The audit log."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from guarded import HELLO, House, client, status
from hypothesis import given
from hypothesis import strategies as st

from dinrail_access.audit import AuditLog, _line
from dinrail_core.api.access import AuditEvent
from dinrail_core.api.call import Principal

EVENT = AuditEvent(
    action="delete",
    route="DELETE /v1/files/{file_id}",
    status=200,
    request_id="req_1",
    objects=("file-1",),
    principal=Principal("acme", "ann", frozenset({"r"})),
    credential="key_1",
    client="10.0.0.1",
)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def wait(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(500):
        if holds():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come to pass within ten seconds")


def test_an_event_is_a_line_that_says_who_did_what(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "new" / "audit.jsonl")
    log.record(EVENT)
    log.close()
    (line,) = lines(tmp_path / "new" / "audit.jsonl")
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "audit",
        "action": "delete",
        "route": "DELETE /v1/files/{file_id}",
        "objects": ["file-1"],
        "status": 200,
        "tenant": "acme",
        "user": "ann",
        "credential": "key_1",
        "client": "10.0.0.1",
        "request": "req_1",
    }
    assert stat.S_IMODE(os.stat(tmp_path / "new" / "audit.jsonl").st_mode) == 0o600


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_whatever_a_caller_names_an_event_is_one_line(user: str, route: str, objects: list[str]) -> None:
    event = AuditEvent(
        action="deny",
        route=route,
        status=403,
        request_id="r",
        objects=tuple(objects),
        principal=Principal("t", user),
    )
    line = _line(0.0, event)
    assert line.count("\n") == 1
    assert line.isascii()
    assert json.loads(line)["user"] == user


def test_several_processes_write_whole_lines_side_by_side(tmp_path: Path) -> None:
    logs = [AuditLog(tmp_path / "audit.jsonl") for _ in range(4)]
    for _ in range(500):
        for log in logs:
            log.record(EVENT)
    for log in logs:
        log.close()
    assert len(lines(tmp_path / "audit.jsonl")) == 2000


def test_closing_waits_no_longer_than_writing_takes(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    log.record(EVENT)
    threading.Event().wait(0.05)  # the thread gathers events by now
    began = time.monotonic()
    log.close(timeout=10.0)
    assert time.monotonic() - began < 5.0
    assert len(lines(tmp_path / "audit.jsonl")) == 1


def test_the_file_may_be_renamed_at_any_time(tmp_path: Path) -> None:
    file, old = tmp_path / "audit.jsonl", tmp_path / "audit.1"
    log = AuditLog(file)
    log.record(EVENT)
    wait(lambda: len(lines(file)) == 1)
    file.rename(old)
    log.record(EVENT)
    log.close()
    assert len(lines(file)) == len(lines(old)) == 1


def test_what_cannot_be_written_is_kept_until_it_can(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "folder"
    folder.write_text("in the way")
    log = AuditLog(folder / "audit.jsonl")
    log.record(EVENT)
    wait(lambda: "cannot be written" in caplog.text)
    folder.unlink()
    wait(lambda: len(lines(folder / "audit.jsonl")) == 1)
    log.close()
    assert caplog.text.count("cannot be written") == 1


def test_too_many_events_for_a_file_that_hangs_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dinrail_access.audit._MOST_WAITING", 3)
    monkeypatch.setattr("dinrail_access.audit._PERIOD", 0.5)
    log = AuditLog(tmp_path / "audit.jsonl")
    for _ in range(10):
        log.record(EVENT)
    log.close()
    written = lines(tmp_path / "audit.jsonl")
    assert [line["event"] for line in written] == ["audit"] * 3 + ["lines_lost"]
    assert written[-1]["count"] == 7


async def test_what_happens_on_a_server_is_noted_without_content_or_secrets(house: House) -> None:
    house.access["rules"] = [{"users": ["bob"], "deny_routes": ["GET /v1/models"]}]
    admin = await house.key("acme", "ann", roles=["admin"])
    bob = await house.key("acme", "bob")
    served = await house.serve()
    async with client(served, admin.value) as ask:
        prompt = (await ask("POST", "/prompts", {"prompt": "The secret content."}))[1]["prompt_id"]
        made = (await ask("POST", "/admin/keys", {"tenant": "acme"}))[1]
        await ask("GET", f"/prompts/{prompt}")
        await ask("DELETE", f"/prompts/{prompt}")
    assert await status(served, bob.value, "DELETE", f"/prompts/{prompt}") == 404
    assert await status(served, bob.value, "GET", "/models") == 403
    assert await status(served, "dr_wrong", "GET", "/models") == 401
    file = house.folder / "services" / "access" / "audit.jsonl"
    async with asyncio.timeout(10):
        while len(lines(file)) < 6:
            await asyncio.sleep(0.05)
    text = file.read_text()
    noted = [
        (line["action"], line["route"], line.get("objects"), line["status"], line.get("user"), line.get("credential"))
        for line in lines(file)
    ]
    assert noted == [
        ("create", "POST /v1/prompts", [prompt], 200, "ann", admin.id),
        ("create", "POST /v1/admin/keys", [made["id"]], 200, "ann", admin.id),
        ("delete", "DELETE /v1/prompts/{prompt_id}", [prompt], 204, "ann", admin.id),
        ("delete", "DELETE /v1/prompts/{prompt_id}", [prompt], 404, "bob", bob.id),
        ("deny", "GET /v1/models", None, 403, "bob", bob.id),
        ("authenticate", "GET /v1/models", None, 401, None, None),
    ]
    for secret in ("secret content", admin.value, made["value"], bob.value, "dr_wrong"):
        assert secret not in text


async def test_an_answer_that_is_stored_is_noted_and_one_that_is_not_is_not(house: House) -> None:
    await house.upstream()
    key = (await house.key("acme", "ann")).value
    served = await house.serve()
    async with served.openai(api_key=key) as ann:
        await ann.chat.completions.create(model="gpu0/kit-model", messages=HELLO)
        made = await ann.chat.completions.create(model="gpu0/kit-model", messages=HELLO, store=True)
        stream = await ann.chat.completions.create(model="gpu0/kit-model", messages=HELLO, store=True, stream=True)
        (streamed,) = {chunk.id async for chunk in stream}
        await ann.chat.completions.delete(made.id)
    file = house.folder / "services/access/audit.jsonl"
    await asyncio.to_thread(wait, lambda: len(lines(file)) >= 3)
    assert [(line["action"], line["objects"]) for line in lines(file)] == [
        ("create", [made.id]),
        ("create", [streamed]),
        ("delete", [made.id]),
    ]


async def test_it_can_be_turned_off(house: House) -> None:
    house.access["audit"] = "off"
    key = await house.key()
    served = await house.serve()
    assert await status(served, key.value, "POST", "/prompts", {"prompt": "x"}) == 200
    assert await status(served, None) == 401
    assert not (house.folder / "services" / "access").exists()

"""Files are read and cut over HTTP, and bombs end as errors while the server goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from pdfs import bomb, pdf
from pydantic import BaseModel
from sqlalchemy import update

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.documents import DocumentParser, Documents, DocumentSource, ParsedDocument, ProcessFile
from dinrail_core.api.files import Files, NewFile
from dinrail_core.api.pages import ListQuery
from dinrail_core.errors import InvalidRequest
from dinrail_core.hooks import Context, ProviderType
from dinrail_documents.tables import READINGS
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import Served, open_rail, serve

PLUGINS = ("database", "blobs", "files", "jobs", "documents")

TEXT = "\n\n".join(f"Paragraph {number}: " + "and so on, " * 40 for number in range(20))


def form(data: bytes, name: str, **fields: Any) -> aiohttp.FormData:
    made = aiohttp.FormData()
    made.add_field("file", data, filename=name)
    for key, value in fields.items():
        made.add_field(key, json.dumps(value))
    return made


async def processed(served: Served, body: Any) -> tuple[int, Any]:
    sent = {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}
    async with (
        aiohttp.ClientSession(f"{served.origin}/v1/") as session,
        session.post("file-processors/process", **sent) as answer,
    ):
        return answer.status, await answer.json()


async def test_a_file_that_comes_along_is_read_and_not_kept(served: Served) -> None:
    strategy = {"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50}}
    status, found = await processed(served, form(TEXT.encode(), "a.md", chunking_strategy=strategy))
    assert status == 200
    chunks = found["chunks"]
    assert len(chunks) > 5
    assert [one["index"] for one in chunks] == list(range(len(chunks)))
    assert all(TEXT[one["start_index"] : one["end_index"]] == one["text"] for one in chunks)
    assert found["metadata"]["parser"] == "built-in"
    assert found["metadata"]["chunking_strategy"] == strategy
    async with served.openai() as client:
        assert (await client.files.list()).data == []


async def test_a_pdf_s_chunks_say_on_which_pages_they_stand(reader: Served) -> None:
    pages = [f"This is page {number}. " + "\n".join(["Some words stand here."] * 12) for number in range(1, 6)]
    sizes = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    status, found = await processed(reader, form(pdf(*pages), "a.pdf", chunking_strategy=sizes))
    assert status == 200
    assert found["metadata"]["pages"] == 5
    for chunk in found["chunks"]:
        for number in range(1, 6):
            if f"page {number}." in chunk["text"]:
                assert chunk["page"] <= number <= chunk["last_page"]


async def test_a_kept_file_is_read_at_once_or_in_a_job(served: Served) -> None:
    async with served.openai() as client:
        file = await client.files.create(file=("a.txt", TEXT.encode()), purpose="assistants")
        status, at_once = await processed(served, {"file_id": file.id})
        assert status == 200
        async with aiohttp.ClientSession(f"{served.origin}/v1/") as session:
            async with session.post("file-processors/jobs", json={"file_id": file.id}) as answer:
                job = await answer.json()
            assert (answer.status, job["status"], job["result"]) == (200, "in_progress", None)
            async with asyncio.timeout(60):
                while job["status"] == "in_progress":
                    await asyncio.sleep(0.05)
                    async with session.get(f"file-processors/jobs/{job['id']}") as answer:
                        job = await answer.json()
        assert (job["status"], job["error"]) == ("completed", None)
        assert job["result"] == at_once


async def test_jobs_are_listed_and_cancelled(served: Served) -> None:
    async with served.openai() as client, aiohttp.ClientSession(f"{served.origin}/v1/") as session:
        long = await client.files.create(file=("long.txt", b"A word or two. " * 600_000), purpose="assistants")
        short = await client.files.create(file=("short.txt", b"A word."), purpose="assistants")
        jobs = []
        for file in (long, short):
            async with session.post("file-processors/jobs", json={"file_id": file.id}) as answer:
                jobs.append((await answer.json())["id"])
        async with session.post(f"file-processors/jobs/{jobs[0]}/cancel") as answer:
            assert (answer.status, (await answer.json())["status"]) == (200, "cancelled")
        async with asyncio.timeout(60):
            while (one := await looked(session, f"file-processors/jobs/{jobs[1]}"))["status"] == "in_progress":
                await asyncio.sleep(0.05)
        assert one["status"] == "completed"
        async with session.post(f"file-processors/jobs/{jobs[1]}/cancel") as answer:
            assert await answer.json() == one  # what has ended stays as it is
        listed = await looked(session, "file-processors/jobs?order=asc&limit=1")
        assert [(job["id"], job["status"]) for job in listed["data"]] == [(jobs[0], "cancelled")]
        assert (listed["object"], listed["has_more"], listed["last_id"]) == ("list", True, jobs[0])
        listed = await looked(session, f"file-processors/jobs?order=asc&after={jobs[0]}")
        assert listed["data"] == [{**one, "result": None}]
        async with session.post("file-processors/jobs/fpjob_0/cancel") as answer:
            assert (answer.status, (await answer.json())["error"]["param"]) == (404, "job_id")


async def looked(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as answer:
        return await answer.json()


async def test_a_job_that_a_dead_process_left_without_anybody_is_taken_up(
    database_config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def source() -> AsyncIterator[bytes]:
        yield b"A word."

    async def die(reading: str, call: Call) -> None:
        raise KeyboardInterrupt

    call = Call(Principal("acme", "ann"))
    async with open_rail(plugins=PLUGINS, config=database_config) as rail:
        files, documents = await rail.service(Files), await rail.service(Documents)
        file = (await files.create(NewFile(filename="a.txt", purpose="assistants"), source(), call)).value
        with monkeypatch.context() as patch:
            patch.setattr(documents, "_enqueue", die)
            with pytest.raises(KeyboardInterrupt):
                await documents.start(ProcessFile(file_id=file.id), call)
        [job] = (await documents.list_jobs(ListQuery(), call)).value.data
        assert job.status == "in_progress"
        older = update(READINGS).values(created_at=READINGS.c.created_at - 61)
        await (await rail.service(Database)).sweep(lambda connection: connection.execute(older).rowcount)
        async with asyncio.timeout(60):
            while (job := (await documents.job(job.id, call)).value).status == "in_progress":
                await asyncio.sleep(0.05)
        assert job.status == "completed"


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (bomb(60), "bomb.pdf", "invalid_file"),
        (b"%PDF-1.7 garbage", "garbage.pdf", "invalid_file"),
        (b"x" * 250_000, "long.txt", "invalid_file"),
        (b"[" * 900_000, "deep.json", "invalid_file"),
        (bytes(range(256)) * 10, "noise.bin", "unsupported_file"),
    ],
    ids=["bomb", "garbage", "long", "deep", "noise"],
)
async def test_what_cannot_be_read_is_a_400_and_the_next_file_is_read(
    reader: Served, data: bytes, name: str, code: str
) -> None:
    status, refused = await processed(reader, form(data, name))
    assert (status, refused["error"]["code"], refused["error"]["param"]) == (400, code, "file"), refused
    assert refused["error"]["message"].endswith(".")
    assert (await processed(reader, form(b"Fine.", "fine.txt")))[0] == 200


async def test_what_is_asked_wrongly_is_named(reader: Served) -> None:
    for body, status, param in (
        ({"file_id": "file-0"}, 404, "file_id"),
        ({}, 400, "file_id"),
        ({"file_id": "x", "chunking_strategy": {"type": "magic"}}, 400, "chunking_strategy.type"),
        (form(b"x", "a.txt", options={"parser": "nobody"}), 404, "options.parser"),
        (form(b"x", "a.txt", chunking_strategy={"type": "contextual"}), 400, "chunking_strategy.contextual.model_id"),
    ):
        got, refused = await processed(reader, body)
        assert (got, refused["error"]["param"]) == (status, param)


class Seer(DocumentParser):
    """Reads what a scan shows."""

    def reads(self, source: DocumentSource) -> bool:
        return source.media_type == "application/pdf"

    async def parse(self, source: DocumentSource, call: Call) -> ParsedDocument:
        if source.filename != "scan.pdf":
            raise InvalidRequest("The seer sees nothing.", code="invalid_file")
        return ParsedDocument("A heron stands in the reeds.", "text")


class NoConfig(BaseModel, extra="forbid"):
    """Nothing."""


@asynccontextmanager
async def _open(config: NoConfig, context: Context) -> AsyncIterator[object]:
    yield Seer()


SEER = ProviderType(name="seer", config=NoConfig, apis=frozenset({DocumentParser}), open=_open, detect=lambda _: {})


async def test_what_the_built_in_parser_cannot_read_is_given_to_the_next_one() -> None:
    async with serve(SEER, plugins=PLUGINS) as served:
        status, found = await processed(served, form(pdf(""), "scan.pdf"))
        assert (status, found["metadata"]["parser"]) == (200, "seer")
        assert found["chunks"][0]["text"] == "A heron stands in the reeds."
        status, found = await processed(served, form(pdf("Some text."), "text.pdf"))
        assert (status, found["metadata"]["parser"]) == (200, "built-in")
        status, refused = await processed(served, form(pdf(""), "other.pdf"))
        assert (status, refused["error"]["code"]) == (400, "invalid_file")
        assert "OCR" in refused["error"]["message"]
        status, refused = await processed(served, form(pdf(""), "scan.pdf", options={"parser": "built-in"}))
        assert (status, refused["error"]["code"]) == (400, "invalid_file")

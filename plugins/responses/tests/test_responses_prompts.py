"""Stored prompts in responses: the three uses that Llama Stack's users are shown."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
import pytest_asyncio
from dialogue import MODEL, PLUGINS, post

from dinrail_sdk.testing import FakeUpstream, Served, serve
from dinrail_sdk.testing.dialects.openai import OPENAI

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def upstream() -> AsyncIterator[FakeUpstream]:
    async with FakeUpstream.open(OPENAI) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(upstream: FakeUpstream) -> AsyncIterator[Served]:
    """A server that reads documents."""
    one = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"]}
    async with serve(plugins=[*PLUGINS, "documents"], config={"providers": {"one": one}}) as running:
        yield running


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(64)


def pdf(text: str) -> bytes:
    """A PDF of one page that says ``text``."""
    stream = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 612 792] >>",
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % start


async def prompt(client: openai.AsyncOpenAI, text: str, *variables: str) -> str:
    made: Any = await client.post("/prompts", body={"prompt": text, "variables": list(variables)}, cast_to=object)
    return str(made["prompt_id"])


async def upload(client: openai.AsyncOpenAI, name: str, content: bytes) -> str:
    return (await client.files.create(file=(name, io.BytesIO(content)), purpose="user_data")).id


async def test_text_for_each_of_four_names(served: Served, upstream: FakeUpstream) -> None:
    async with served.openai() as client:
        prompt_id = await prompt(client, "Write a greeting for {{name}}.", "name")
        for name in ("Alice", "Bob", "Carol", "Dave"):
            asked: Any = {"id": prompt_id, "version": "1", "variables": {"name": {"type": "input_text", "text": name}}}
            made = await client.responses.create(model=MODEL, input="Go on.", prompt=asked)
            assert [(m.role, m.text) for m in upstream.asked.messages] == [
                ("system", f"Write a greeting for {name}."),
                ("user", "Go on."),
            ]
            assert made.prompt is not None
            assert made.prompt.to_dict() == asked


async def test_an_image_that_was_uploaded(served: Served, upstream: FakeUpstream) -> None:
    async with served.openai() as client:
        prompt_id = await prompt(client, "Describe {{photo}}.", "photo")
        file_id = await upload(client, "cat.jpg", JPEG)
        photo: Any = {"type": "input_image", "file_id": file_id, "detail": "high"}
        made = await client.responses.create(
            model=MODEL, input="What is it?", prompt={"id": prompt_id, "version": "1", "variables": {"photo": photo}}
        )
        system, image, question = upstream.asked.messages
        assert system.text == "Describe [photo]."
        assert image.images == (f"data:image/jpeg;base64,{base64.b64encode(JPEG).decode()}",)
        assert question.text == "What is it?"
        assert made.prompt is not None
        assert made.prompt.variables == {"photo": openai.types.responses.ResponseInputImage.construct(**photo)}


async def test_a_document_that_was_uploaded(served: Served, upstream: FakeUpstream) -> None:
    async with served.openai() as client:
        prompt_id = await prompt(client, "Read {{document}} and find the total.", "document")
        file_id = await upload(client, "invoice.pdf", pdf("Total: 12 crowns"))
        document: Any = {"type": "input_file", "file_id": file_id, "filename": "invoice.pdf"}
        asked: Any = {"id": prompt_id, "version": "1", "variables": {"document": document}}
        made = await client.responses.create(model=MODEL, input="?", prompt=asked)
        assert made.to_dict()["prompt"] == asked
        said = upstream.asked.messages[1].text
        assert "invoice.pdf" in said
        assert "Total: 12 crowns" in said


async def test_values_and_variables_have_to_match(served: Served) -> None:
    async with served.openai() as client:
        prompt_id = await prompt(client, "Hello {{name}}!", "name")

        async def refused(**asked: Any) -> tuple[int, str | None]:
            reference: Any = {"id": prompt_id, **asked}
            with pytest.raises(openai.APIStatusError) as error:
                await client.responses.create(model=MODEL, input="?", prompt=reference)
            return error.value.status_code, error.value.param

        assert await refused() == (400, "prompt.variables.name")
        assert await refused(variables={"name": "x", "other": "y"}) == (400, "prompt.variables.other")
        assert await refused(variables={"name": "x"}, version="2") == (404, "prompt.version")
        assert await refused(variables={"name": "x"}, version="latest") == (400, "prompt.version")
        assert await refused(variables={"name": "x"}, id="pmpt_none") == (404, "prompt.id")
        image = {"type": "input_image", "file_id": "file-none"}
        assert await refused(variables={"name": image}) == (404, "input.file_id")


async def test_documents_that_cannot_be_read_are_refused(served: Served, upstream: FakeUpstream) -> None:
    async with served.openai() as client:

        async def told(**part: Any) -> str:
            content: Any = [{"type": "input_file", "filename": "a", **part}]
            await client.responses.create(model=MODEL, input=[{"role": "user", "content": content}])
            return upstream.asked.messages[-1].text

        assert "plain words" in await told(file_data=base64.b64encode(b"plain words").decode())
        assert "in a page" in await told(
            file_data=f"data:application/pdf;base64,{base64.b64encode(pdf('in a page')).decode()}"
        )
        for data in (
            base64.b64encode(b"%PDF-1.4 broken").decode(),
            base64.b64encode(pdf(" ")).decode(),
            "no base64!",
            base64.b64encode(b"\xfe\x00").decode(),
        ):
            with pytest.raises(openai.BadRequestError):
                await told(file_data=data)
        with pytest.raises(openai.BadRequestError, match="No installed parser reads files of the type application/vnd"):
            await told(filename="a.docx", file_data=base64.b64encode(b"PK").decode())
        with pytest.raises(openai.BadRequestError) as inside:
            await told(file_url="http://127.0.0.1:9/secret")
        assert inside.value.param == "input.file_url"


async def test_where_nothing_reads_documents_that_is_told(upstream: FakeUpstream) -> None:
    one = {"type": "openai-compatible", "base_url": upstream.url, "models": ["kit-model"]}
    async with serve(plugins=PLUGINS, config={"providers": {"one": one}}) as bare:
        part = {"type": "input_file", "filename": "a.pdf", "file_data": base64.b64encode(pdf("x")).decode()}
        status, refused = await post(bare, {"model": MODEL, "input": [{"role": "user", "content": [part]}]})
    assert (status, refused["error"]["param"]) == (400, "input")
    assert "reads documents" in refused["error"]["message"]

"""OpenAI's package for Python against what the server keeps, as its users start it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from dinrail_sdk.testing import Spoken

if TYPE_CHECKING:
    from conftest import Scripted, Server
    from openai import OpenAI

MODEL = "up/org/kit-model"
HELLO: Any = [{"role": "user", "content": "Hello."}]

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, server: Server) -> Server:
    """One over each database."""
    if request.param == "sqlite":
        return server
    other: Server = request.getfixturevalue("server_on_postgresql")
    return other


def test_files_come_and_go_whole_and_in_parts(client: OpenAI) -> None:
    content = b"line one\nline two\n"
    made = client.files.create(
        file=("a 'b' \"c\"; é.txt", content),
        purpose="user_data",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert client.files.retrieve(made.id) == made
    assert (made.filename, made.bytes) == ("a 'b' \"c\"; é.txt", len(content))
    assert made.expires_at == made.created_at + 3600
    assert client.files.content(made.id).read() == content
    part = client.files.content(made.id, extra_headers={"Range": "bytes=5-7"})
    assert (part.response.status_code, part.read()) == (206, b"one")
    assert made.id in [one.id for one in client.files.list(purpose="user_data", limit=1)]
    upload = client.uploads.create(filename="b.bin", purpose="user_data", mime_type="text/plain", bytes=10)
    parts = [client.uploads.parts.create(upload.id, data=half).id for half in (b"12345", b"67890")]
    whole = client.uploads.complete(upload.id, part_ids=parts)
    assert whole.file is not None
    assert client.files.content(whole.file.id).read() == b"1234567890"
    abandoned = client.uploads.create(filename="c.bin", purpose="user_data", mime_type="text/plain", bytes=10)
    assert client.uploads.cancel(abandoned.id).status == "cancelled"
    for file_id in (made.id, whole.file.id):
        assert client.files.delete(file_id).deleted
        with pytest.raises(openai.NotFoundError):
            client.files.retrieve(file_id)


def test_conversations_are_begun_continued_listed_and_deleted(client: OpenAI) -> None:
    conversation = client.conversations.create(items=[{"role": "user", "content": "one"}], metadata={"topic": "demo"})
    added = client.conversations.items.create(conversation.id, items=[{"role": "assistant", "content": "two"}])
    items: list[Any] = list(client.conversations.items.list(conversation.id, limit=1, order="asc"))
    assert [item.content[0].text for item in items] == ["one", "two"]
    assert added.data[0].id == items[1].id
    assert client.conversations.update(conversation.id, metadata={}).metadata == {}
    assert client.conversations.items.delete(items[0].id, conversation_id=conversation.id).id == conversation.id
    assert client.conversations.delete(conversation.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(conversation.id)


def test_completions_are_stored_where_that_is_asked_for(client: OpenAI, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold, with snow."))
    asked: Any = {"model": MODEL, "messages": HELLO, "metadata": {"suite": "python"}}
    whole = client.chat.completions.create(**asked, store=True)
    (streamed,) = {chunk.id for chunk in client.chat.completions.create(**asked, store=True, stream=True)}
    plain = client.chat.completions.create(**asked)
    listed = list(client.chat.completions.list(metadata={"suite": "python"}, limit=1))
    assert [one.id for one in listed] == [whole.id, streamed]
    assert client.chat.completions.retrieve(streamed).choices[0].message == whole.choices[0].message
    assert client.chat.completions.update(whole.id, metadata={"suite": "other"}).metadata == {"suite": "other"}
    assert [message.content for message in client.chat.completions.messages.list(whole.id)] == ["Hello."]
    for completion_id in (whole.id, streamed):
        assert client.chat.completions.delete(completion_id).deleted
    for completion_id in (whole.id, streamed, plain.id):
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.retrieve(completion_id)

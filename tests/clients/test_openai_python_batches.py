"""OpenAI's package for Python drives batches, and verifies the webhooks that tell how they ended."""

from __future__ import annotations

import http.server
import json
import queue
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import openai
import pytest

if TYPE_CHECKING:
    from conftest import Scripted
    from openai import OpenAI

MODEL = "up/org/kit-model"

pytestmark = pytest.mark.xdist_group("clients")

Hooks = tuple[str, "queue.Queue[tuple[dict[str, str], bytes]]"]


@pytest.fixture
def hooks() -> Iterator[Hooks]:
    """An endpoint on this machine, and what it is sent."""
    heard: queue.Queue[tuple[dict[str, str], bytes]] = queue.Queue()

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.put((dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}/events", heard
        listener.shutdown()
        thread.join()


def test_a_batch_is_driven_from_its_file_to_a_verified_event(client: OpenAI, upstream: Scripted, hooks: Hooks) -> None:
    url, heard = hooks
    endpoint = client.webhooks.create(name="ours", url=url, event_types=["batch.completed", "batch.failed"])
    lines = [
        {
            "custom_id": f"line-{number}",
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {"model": MODEL, "messages": [{"role": "user", "content": str(number)}]},
        }
        for number in range(12)
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    file = client.files.create(file=("requests.jsonl", content), purpose="batch")
    begun = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"team": "blue"}
    )
    headers, body = heard.get(timeout=30)
    event = client.webhooks.unwrap(body, headers, secret=endpoint.signing_secret)
    assert event.type == "batch.completed"
    assert event.data.id == begun.id
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(body + b" ", headers, secret=endpoint.signing_secret)
    batch = client.batches.retrieve(begun.id)
    assert (batch.status, batch.model, batch.metadata) == ("completed", MODEL, {"team": "blue"})
    assert batch.request_counts is not None
    assert batch.request_counts.completed == 12
    assert batch.output_file_id is not None
    results = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    assert [result["custom_id"] for result in results] == [line["custom_id"] for line in lines]
    assert all(result["response"]["body"]["object"] == "chat.completion" for result in results)
    assert batch.id in [found.id for found in client.batches.list(limit=5)]
    assert len(upstream.asked) == 12
    client.webhooks.delete(endpoint.id)


def test_a_batch_with_a_bad_line_fails_and_tells_which(client: OpenAI, upstream: Scripted, hooks: Hooks) -> None:
    url, heard = hooks
    endpoint = client.webhooks.create(name="ours", url=url, event_types=["batch.failed"])
    file = client.files.create(file=("requests.jsonl", b'\n{"custom_id": "a"}\n'), purpose="batch")
    begun = client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
    headers, body = heard.get(timeout=30)
    assert client.webhooks.unwrap(body, headers, secret=endpoint.signing_secret).type == "batch.failed"
    batch = client.batches.retrieve(begun.id)
    assert batch.errors is not None
    assert batch.errors.data is not None
    assert {error.line for error in batch.errors.data} == {2}
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)
    client.webhooks.delete(endpoint.id)

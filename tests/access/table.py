"""Every operation, the objects that it names, and how to make one of each: add a row here for a new route.

- A route whose path or query names no object, and whose body has no field that looks like an id, needs
  ``Row(route, why="…")``.
- Any other says in ``names`` which object each parameter of the path, each cursor of the query and each field of the
  body names (dotted, without indexes: ``items.content.file_id``), and in ``body`` how a request looks that names them.
- A field that looks like an id and is none of an object of ours stands in :data:`NO_OBJECT`, with the reason.
- A new kind of object gets a function in :data:`KINDS` that makes one.

``test_foreign.py`` does the rest: it sends every request with objects of somebody else, and again with objects that
never were, and the two must not be told apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["KINDS", "NO_OBJECT", "ROWS", "Ask", "Form", "Kind", "Row"]

Ask = Callable[..., Awaitable[Any]]
"""``await ask("POST", "/v1/prompts", {...})``: sends a request as the one whom it is to be, and returns its JSON.

It raises where the status is not 2xx.
"""

Ids = Mapping[str, str]
"""Ids by kind."""


@dataclass(frozen=True)
class Form:
    """A body that is a form with one file.

    Attributes:
        file: The name of the file's field.
        fields: The other fields.
    """

    file: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kind:
    """A kind of object.

    Attributes:
        make: Makes one, given the ids of those that it belongs to.
        inside: The kinds that it belongs to.
        look: The path at which its owner sees it; ``{kind}`` stands for ids.
    """

    make: Callable[[Ask, Ids], Awaitable[str]]
    inside: tuple[str, ...] = ()
    look: str | None = None


@dataclass(frozen=True)
class Row:
    """One operation.

    Attributes:
        route: Like ``GET /v1/files/{file_id}``.
        names: Kinds of objects by the names of parameters, cursors and fields.
        body: The body, given ids by kind.
        why: Why nothing is named.
        statuses: What a caller may be told who names what is not there.
    """

    route: str
    names: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[Ids], Any] | None = None
    why: str | None = None
    statuses: frozenset[int] = frozenset({404})


# --- objects


async def _prompt(ask: Ask, ids: Ids) -> str:
    made = await ask("POST", "/v1/prompts", {"prompt": "Hello {{name}}!", "variables": ["name"]})
    return str(made["prompt_id"])


async def _file(ask: Ask, ids: Ids) -> str:
    return str((await ask("POST", "/v1/files", Form("file", {"purpose": "user_data"})))["id"])


async def _upload(ask: Ask, ids: Ids) -> str:
    upload = {"filename": "a.txt", "purpose": "user_data", "bytes": 5, "mime_type": "text/plain"}
    return str((await ask("POST", "/v1/uploads", upload))["id"])


async def _part(ask: Ask, ids: Ids) -> str:
    return str((await ask("POST", f"/v1/uploads/{ids['upload']}/parts", Form("data")))["id"])


async def _conversation(ask: Ask, ids: Ids) -> str:
    return str((await ask("POST", "/v1/conversations", {"items": [_message()]}))["id"])


async def _item(ask: Ask, ids: Ids) -> str:
    made = await ask("POST", f"/v1/conversations/{ids['conversation']}/items", {"items": [_message()]})
    return str(made["data"][0]["id"])


async def _batch(ask: Ask, ids: Ids) -> str:
    file_id = (await ask("POST", "/v1/files", Form("file", {"purpose": "batch"})))["id"]
    new = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    made = await ask("POST", "/v1/batches", new)
    while made["status"] != "failed":  # its file is none; from here on it changes no more
        made = await ask("GET", f"/v1/batches/{made['id']}")
    return str(made["id"])


async def _endpoint(ask: Ask, ids: Ids) -> str:
    new = {"name": "a", "url": "https://example.com/", "event_types": ["batch.failed"]}
    return str((await ask("POST", "/v1/webhook_endpoints", new))["id"])


async def _response(ask: Ask, ids: Ids) -> str:
    made = await ask("POST", "/v1/responses", {"model": MODEL, "input": "Hello."})
    return str(made["id"])


async def _given(ask: Ask, ids: Ids) -> str:
    made = await ask("GET", f"/v1/responses/{ids['response']}/input_items")
    return str(made["data"][0]["id"])


def _everything(ids: Ids) -> dict[str, Any]:
    """What a request about responses can name, as far as it can stand together."""
    return {
        "model": MODEL,
        "previous_response_id": ids["response"],
        "input": [
            _message({"type": "input_file", "file_id": ids["file"]}),
            {"type": "item_reference", "id": ids["item"]},
        ],
    }


def _message(*content: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}, *content]}


async def _completion(ask: Ask, ids: Ids) -> str:
    request = {"model": "kit-model", "messages": [{"role": "user", "content": "Hello."}], "store": True}
    return str((await ask("POST", "/v1/chat/completions", request))["id"])


async def _chat_message(ask: Ask, ids: Ids) -> str:
    return str((await ask("GET", f"/v1/chat/completions/{ids['completion']}/messages"))["data"][0]["id"])


MODEL = "one/kit-model"
"""The one model of the server under test, which answers whatever it is asked."""


async def _store(ask: Ask, ids: Ids) -> str:
    return str((await ask("POST", "/v1/vector_stores", {"name": "facts"}))["id"])


async def _store_file(ask: Ask, ids: Ids) -> str:
    path = f"/v1/vector_stores/{ids['store']}/files"
    await ask("POST", path, {"file_id": ids["file"]})
    await _until_done(ask, f"{path}/{ids['file']}")
    return ids["file"]


async def _store_batch(ask: Ask, ids: Ids) -> str:
    path = f"/v1/vector_stores/{ids['store']}/file_batches"
    made = await ask("POST", path, {"file_ids": [ids["file"]]})
    await _until_done(ask, f"{path}/{made['id']}")
    return str(made["id"])


async def _reading(ask: Ask, ids: Ids) -> str:
    made = await ask("POST", "/v1/file-processors/jobs", {"file_id": ids["file"]})
    await _until_done(ask, f"/v1/file-processors/jobs/{made['id']}")
    return str(made["id"])


async def _until_done(ask: Ask, path: str) -> None:
    """What changes by itself could not be compared."""
    async with asyncio.timeout(60):
        while (await ask("GET", path))["status"] == "in_progress":
            await asyncio.sleep(0.02)


async def _container(ask: Ask, ids: Ids) -> str:
    return str((await ask("POST", "/v1/containers", {"name": "mine"}))["id"])


async def _container_file(ask: Ask, ids: Ids) -> str:
    return str((await ask("POST", f"/v1/containers/{ids['container']}/files", Form("file")))["id"])


KINDS: Mapping[str, Kind] = {
    "container": Kind(_container, look="/v1/containers/{container}"),
    "container_file": Kind(
        _container_file, inside=("container",), look="/v1/containers/{container}/files/{container_file}"
    ),
    "completion": Kind(_completion, look="/v1/chat/completions/{completion}"),
    "chat_message": Kind(_chat_message, inside=("completion",)),
    "prompt": Kind(_prompt, look="/v1/prompts/{prompt}"),
    "file": Kind(_file, look="/v1/files/{file}"),
    "upload": Kind(_upload),
    "batch": Kind(_batch, look="/v1/batches/{batch}"),
    "endpoint": Kind(_endpoint, look="/v1/webhook_endpoints/{endpoint}"),
    "part": Kind(_part, inside=("upload",)),
    "conversation": Kind(_conversation, look="/v1/conversations/{conversation}"),
    "response": Kind(_response, look="/v1/responses/{response}/input_items"),
    "given": Kind(_given, inside=("response",)),
    "store": Kind(_store, look="/v1/vector_stores/{store}"),
    "store_file": Kind(_store_file, inside=("store", "file"), look="/v1/vector_stores/{store}/files/{store_file}"),
    "store_batch": Kind(
        _store_batch, inside=("store", "file"), look="/v1/vector_stores/{store}/file_batches/{store_batch}"
    ),
    "reading": Kind(_reading, inside=("file",), look="/v1/file-processors/jobs/{reading}"),
    "item": Kind(_item, inside=("conversation",), look="/v1/conversations/{conversation}/items/{item}"),
}


# --- operations

_FIELDS = frozenset({400, 404})
"""What OpenAI answers differs: 400 for the response that is to be gone on from, 404 for a file."""

_AFTER = frozenset({200})
"""A cursor is a place in a list and names nothing that must be there."""

_MODELS = "models and providers are the operator's; who may use which is told by rules"
_KEYS = "keys are the server's, and only for callers with the role admin"
_NEW = "makes something, and names nothing"

ROWS: tuple[Row, ...] = (
    Row("POST /v1/chat/completions", why="asks a model"),
    # stored chat completions
    Row("GET /v1/chat/completions", {"after": "completion"}, statuses=_AFTER),
    Row("GET /v1/chat/completions/{completion_id}", {"completion_id": "completion"}),
    Row(
        "POST /v1/chat/completions/{completion_id}",
        {"completion_id": "completion"},
        lambda ids: {"metadata": {"a": "b"}},
    ),
    Row("DELETE /v1/chat/completions/{completion_id}", {"completion_id": "completion"}),
    Row(
        "GET /v1/chat/completions/{completion_id}/messages",
        {"completion_id": "completion", "after": "chat_message"},
        statuses=frozenset({400, 404}),
    ),
    # other models
    Row("POST /v1/messages", why="asks a model"),
    Row("POST /v1/messages/count_tokens", why="asks a model"),
    Row("POST /v1/completions", why="asks a model"),
    Row("POST /v1/embeddings", why="asks a model"),
    Row("POST /v1/rerank", why="asks a model"),
    Row("POST /v1/moderations", why="asks a model"),
    Row("GET /v1/models", why=_MODELS),
    Row("GET /v1/models/{model}", why=_MODELS),
    Row("GET /v1/providers", why=_MODELS),
    Row("GET /v1/providers/{provider}", why=_MODELS),
    Row("POST /v1/admin/keys", why=_KEYS),
    Row("GET /v1/admin/keys", why=_KEYS),
    Row("GET /v1/admin/keys/{key_id}", why=_KEYS),
    Row("DELETE /v1/admin/keys/{key_id}", why=_KEYS),
    # prompts
    Row("POST /v1/prompts", why=_NEW),
    Row("GET /v1/prompts", {"after": "prompt", "before": "prompt"}, statuses=_AFTER),
    Row("GET /v1/prompts/{prompt_id}", {"prompt_id": "prompt"}),
    Row("GET /v1/prompts/{prompt_id}/versions", {"prompt_id": "prompt"}),
    Row("PUT /v1/prompts/{prompt_id}", {"prompt_id": "prompt"}, lambda ids: {"prompt": "Changed.", "version": 1}),
    Row("PUT /v1/prompts/{prompt_id}/set-default-version", {"prompt_id": "prompt"}, lambda ids: {"version": 1}),
    Row("DELETE /v1/prompts/{prompt_id}", {"prompt_id": "prompt"}),
    # files
    Row("POST /v1/files", why=_NEW),
    Row("GET /v1/files", {"after": "file"}, statuses=_AFTER),
    Row("GET /v1/files/{file_id}", {"file_id": "file"}),
    Row("DELETE /v1/files/{file_id}", {"file_id": "file"}),
    Row("GET /v1/files/{file_id}/content", {"file_id": "file"}),
    # uploads
    Row("POST /v1/uploads", why=_NEW),
    Row("POST /v1/uploads/{upload_id}/parts", {"upload_id": "upload"}, lambda ids: Form("data")),
    Row(
        "POST /v1/uploads/{upload_id}/complete",
        {"upload_id": "upload", "part_ids": "part"},
        lambda ids: {"part_ids": [ids["part"]]},
        statuses=frozenset({400, 404}),
    ),
    Row("POST /v1/uploads/{upload_id}/cancel", {"upload_id": "upload"}),
    # batches
    Row(
        "POST /v1/batches",
        {"input_file_id": "file"},
        lambda ids: {
            "input_file_id": ids["file"],
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
        },
    ),
    Row("GET /v1/batches", {"after": "batch"}, statuses=_AFTER),
    Row("GET /v1/batches/{batch_id}", {"batch_id": "batch"}),
    Row("POST /v1/batches/{batch_id}/cancel", {"batch_id": "batch"}),
    # webhooks
    Row("POST /v1/webhook_endpoints", why=_NEW),
    Row("GET /v1/webhook_endpoints", {"after": "endpoint"}, statuses=_AFTER),
    Row("GET /v1/webhook_endpoints/{webhook_endpoint_id}", {"webhook_endpoint_id": "endpoint"}),
    Row(
        "POST /v1/webhook_endpoints/{webhook_endpoint_id}",
        {"webhook_endpoint_id": "endpoint"},
        lambda ids: {"name": "b"},
    ),
    Row("DELETE /v1/webhook_endpoints/{webhook_endpoint_id}", {"webhook_endpoint_id": "endpoint"}),
    Row(
        "POST /v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret",
        {"webhook_endpoint_id": "endpoint"},
        lambda ids: {},
    ),
    Row(
        "POST /v1/webhook_endpoints/{webhook_endpoint_id}/test",
        {"webhook_endpoint_id": "endpoint"},
        lambda ids: {"event_type": "batch.failed"},
    ),
    Row("GET /v1/webhook_event_types", why="the server's, the same for everybody"),
    # responses
    Row(
        "POST /v1/responses",
        {
            "previous_response_id": "response",
            "input.content.file_id": "file",
            "input.id": "item",
            "prompt.id": "prompt",
        },
        lambda ids: _everything(ids) | {"prompt": {"id": ids["prompt"], "variables": {"name": "Ann"}}},
        statuses=_FIELDS,
    ),
    Row("GET /v1/responses", {"after": "response"}, statuses=_AFTER),
    Row(
        "POST /v1/responses/input_tokens",
        {"previous_response_id": "response", "input.content.file_id": "file", "input.id": "item"},
        _everything,
        statuses=_FIELDS,
    ),
    Row(
        "POST /v1/responses/compact",
        {"previous_response_id": "response", "input.content.file_id": "file", "input.id": "item"},
        _everything,
        statuses=_FIELDS,
    ),
    Row("GET /v1/responses/{response_id}", {"response_id": "response"}),
    Row("DELETE /v1/responses/{response_id}", {"response_id": "response"}),
    Row("POST /v1/responses/{response_id}/cancel", {"response_id": "response"}),
    Row(
        "GET /v1/responses/{response_id}/input_items",
        {"response_id": "response", "after": "given", "before": "given"},
        statuses=frozenset({200, 400, 404}),
    ),
    # conversations
    Row("POST /v1/conversations", why=_NEW),
    Row("GET /v1/conversations/{conversation_id}", {"conversation_id": "conversation"}),
    Row(
        "POST /v1/conversations/{conversation_id}",
        {"conversation_id": "conversation"},
        lambda ids: {"metadata": {"a": "b"}},
    ),
    Row("DELETE /v1/conversations/{conversation_id}", {"conversation_id": "conversation"}),
    Row(
        "POST /v1/conversations/{conversation_id}/items",
        {"conversation_id": "conversation"},
        lambda ids: {"items": [_message()]},
    ),
    Row(
        "GET /v1/conversations/{conversation_id}/items",
        {"conversation_id": "conversation", "after": "item"},
        statuses=frozenset({400, 404}),
    ),
    Row(
        "GET /v1/conversations/{conversation_id}/items/{item_id}",
        {"conversation_id": "conversation", "item_id": "item"},
    ),
    Row(
        "DELETE /v1/conversations/{conversation_id}/items/{item_id}",
        {"conversation_id": "conversation", "item_id": "item"},
        statuses=frozenset({200, 404}),
    ),
)

_IN_RESPONSES: Mapping[str, str] = {
    "input.acknowledged_safety_checks.id": "made up by the model",
    "input.approval_request_id": "an item of the history, which has been checked",
    "input.call_id": "made up by the model",
    "input.caller.caller_id": "made up by the model",
    "input.container_id": "tells of the past; nothing is looked up",
    "input.content.annotations.*": "tells of the past; nothing is looked up",
    "input.environment.container_id": "tells of the past; nothing is looked up",
    "input.output.file_id": "looked up as a message's file is",
    "input.pending_safety_checks.id": "made up by the model",
    "input.results.file_id": "tells of the past; nothing is looked up",
    "input.tools.*": "tells of the past; nothing is looked up",
}
_IN_ALL = ("POST /v1/responses", "POST /v1/responses/input_tokens", "POST /v1/responses/compact")
_WITH_TOOLS: Mapping[str, str] = {
    "conversation.id": "cannot stand beside a previous response; has tests of its own in plugins/responses",
    "tools.connector_id": "the operator's",
    "tools.container.file_ids": "as code interpreters, which have tests of their own in plugins/responses",
    "tools.environment.*": "no shell is served",
    "tools.input_image_mask.file_id": "no images are made",
    "tools.tunnel_id": "no tunnel is served",
    "tools.vector_store_ids": "has tests of its own in plugins/responses",
}


_IN_CONTAINER = {"container_id": "container"}
_CONTAINER_FILE = {**_IN_CONTAINER, "file_id": "container_file"}
_IN_STORE = {"vector_store_id": "store"}
_STORE_FILE = {**_IN_STORE, "file_id": "store_file"}
_STORE_BATCH = {**_IN_STORE, "batch_id": "store_batch"}
_MAY_BE_NOTHING = frozenset({200, 404})

ROWS += (
    # containers
    Row("POST /v1/containers", {"file_ids": "file"}, lambda ids: {"name": "mine", "file_ids": [ids["file"]]}),
    Row("GET /v1/containers", {"after": "container"}, statuses=_AFTER),
    Row("GET /v1/containers/{container_id}", _IN_CONTAINER),
    Row("DELETE /v1/containers/{container_id}", _IN_CONTAINER),
    Row(
        "POST /v1/containers/{container_id}/files",
        {**_IN_CONTAINER, "file_id": "file"},
        lambda ids: {"file_id": ids["file"]},
    ),
    Row(
        "GET /v1/containers/{container_id}/files",
        {**_IN_CONTAINER, "after": "container_file"},
        statuses=_MAY_BE_NOTHING,
    ),
    Row("GET /v1/containers/{container_id}/files/{file_id}", _CONTAINER_FILE),
    Row("DELETE /v1/containers/{container_id}/files/{file_id}", _CONTAINER_FILE),
    Row("GET /v1/containers/{container_id}/files/{file_id}/content", _CONTAINER_FILE),
    # file processors
    Row("POST /v1/file-processors/process", {"file_id": "file"}, lambda ids: {"file_id": ids["file"]}),
    Row("POST /v1/file-processors/jobs", {"file_id": "file"}, lambda ids: {"file_id": ids["file"]}),
    Row("GET /v1/file-processors/jobs", {"after": "reading", "before": "reading"}, statuses=_AFTER),
    Row("GET /v1/file-processors/jobs/{job_id}", {"job_id": "reading"}),
    Row("POST /v1/file-processors/jobs/{job_id}/cancel", {"job_id": "reading"}),
    # vector stores
    Row("POST /v1/vector_stores", {"file_ids": "file"}, lambda ids: {"file_ids": [ids["file"]]}),
    Row("GET /v1/vector_stores", {"after": "store", "before": "store"}, statuses=_AFTER),
    Row("GET /v1/vector_stores/{vector_store_id}", _IN_STORE),
    Row("POST /v1/vector_stores/{vector_store_id}", _IN_STORE, lambda ids: {"name": "mine"}),
    Row("DELETE /v1/vector_stores/{vector_store_id}", _IN_STORE),
    Row("POST /v1/vector_stores/{vector_store_id}/search", _IN_STORE, lambda ids: {"query": "hello"}),
    Row(
        "POST /v1/vector_stores/{vector_store_id}/files",
        {**_IN_STORE, "file_id": "file"},
        lambda ids: {"file_id": ids["file"]},
    ),
    Row(
        "GET /v1/vector_stores/{vector_store_id}/files",
        {**_IN_STORE, "after": "store_file", "before": "store_file"},
        statuses=_MAY_BE_NOTHING,
    ),
    Row("GET /v1/vector_stores/{vector_store_id}/files/{file_id}", _STORE_FILE),
    Row(
        "POST /v1/vector_stores/{vector_store_id}/files/{file_id}", _STORE_FILE, lambda ids: {"attributes": {"a": "b"}}
    ),
    Row("DELETE /v1/vector_stores/{vector_store_id}/files/{file_id}", _STORE_FILE),
    Row("GET /v1/vector_stores/{vector_store_id}/files/{file_id}/content", _STORE_FILE),
    Row(
        "POST /v1/vector_stores/{vector_store_id}/file_batches",
        {**_IN_STORE, "file_ids": "file"},
        lambda ids: {"file_ids": [ids["file"]]},
    ),
    Row("GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}", _STORE_BATCH),
    Row("POST /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel", _STORE_BATCH),
    Row(
        "GET /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/files",
        {**_STORE_BATCH, "after": "store_file", "before": "store_file"},
        statuses=_MAY_BE_NOTHING,
    ),
)

NO_OBJECT: Mapping[tuple[str, str], str] = {
    ("POST /v1/chat/completions", "audio.voice.id"): "a voice is the upstream's",
    ("POST /v1/chat/completions", "messages.audio.id"): "an answer's sound is kept by the upstream",
    ("POST /v1/chat/completions", "messages.content.file.file_id"): "goes to the upstream as it is",
    ("POST /v1/chat/completions", "messages.tool_call_id"): "made up by the model",
    ("POST /v1/chat/completions", "messages.tool_calls.id"): "made up by the model",
    **{(route, name): why for route in _IN_ALL for name, why in _IN_RESPONSES.items()},
    **{(route, name): why for route in _IN_ALL[:2] for name, why in _WITH_TOOLS.items()},
    ("POST /v1/containers", "skills.skill_id"): "no skills are kept",
    ("POST /v1/responses", "prompt.variables.file_id"): "looked up as a message's file is",
    ("POST /v1/file-processors/jobs", "chunking_strategy.contextual.model_id"): "a model",
    ("POST /v1/file-processors/process", "chunking_strategy.contextual.model_id"): "a model",
    ("POST /v1/vector_stores", "chunking_strategy.contextual.model_id"): "a model",
    ("POST /v1/vector_stores", "provider_id"): "an instance of the operator's",
    ("POST /v1/vector_stores/{vector_store_id}/file_batches", "chunking_strategy.contextual.model_id"): "a model",
    ("POST /v1/vector_stores/{vector_store_id}/file_batches", "files.chunking_strategy.contextual.model_id"): "a model",
    ("POST /v1/vector_stores/{vector_store_id}/file_batches", "files.file_id"): "looked up as file_ids are",
    ("POST /v1/vector_stores/{vector_store_id}/files", "chunking_strategy.contextual.model_id"): "a model",
    ("POST /v1/conversations", "items.*"): "an item is kept as it is; what it names is looked up when it is used",
    ("POST /v1/conversations/{conversation_id}/items", "items.*"): "as above",
}
"""Fields that look like ids of objects and are none; ``*`` stands for all below."""

"""The description: complete, valid, and true of what is sent."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from dinrail_core.api.wire import MISSING, Wire
from dinrail_core.hooks.http import Exchange, Reply, Route
from dinrail_core.host import operations
from dinrail_server.openapi import describe
from dinrail_server.routes import ROUTES as DECLARED
from dinrail_server.routing import template

if TYPE_CHECKING:
    from conftest import SmallRail, Start

ROUTES = operations(DECLARED)
DOCUMENT: dict[str, Any] = json.loads(describe(ROUTES))


class Page(Wire):
    after: str
    """The last one seen."""
    order: Literal["asc", "desc"] | MISSING = MISSING


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from _walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from _walk(value)


def test_every_route_is_described() -> None:
    described = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert described == {(route.method, template(route.path)) for route in ROUTES}
    ids = [operation["operationId"] for item in DOCUMENT["paths"].values() for operation in item.values()]
    assert len(ids) == len(set(ids))


def test_references_lead_somewhere_and_schemas_are_json_schema() -> None:
    for node in _walk(DOCUMENT):
        if isinstance(node.get("$ref"), str):
            here: Any = DOCUMENT
            for step in node["$ref"].removeprefix("#/").split("/"):
                here = here[step]
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_optional_and_nullable_are_told_apart() -> None:
    fields = DOCUMENT["components"]["schemas"]["ChatRequest"]["properties"]
    assert fields["tools"]["type"] == "array", "may be left out, may not be null"
    assert {"type": "null"} in fields["temperature"]["anyOf"]


def test_parameters_of_path_and_query_are_described() -> None:
    async def handler(exchange: Exchange) -> Reply:
        return Reply()

    route = Route(method="GET", path="/x/{id}", handler=handler, summary="s", tag="t", query=Page)
    path, after, order = json.loads(describe([route]))["paths"]["/x/{id}"]["get"]["parameters"]
    assert (path["name"], path["in"], path["required"]) == ("id", "path", True)
    assert (after["name"], after["in"], after["required"]) == ("after", "query", True)
    assert after["description"] == "The last one seen."
    assert (order["required"], order["schema"]["enum"]) == (False, ["asc", "desc"])


async def test_the_document_is_served_and_made_once(start: Start) -> None:
    running = await start()

    async def get() -> bytes:
        async with running.http.get(running.root + "/openapi.json") as answer:
            assert answer.headers["content-type"] == "application/json"
            return await answer.read()

    bodies = await asyncio.gather(*(get() for _ in range(3)))
    assert bodies[0] == describe(ROUTES)
    assert await running.app.description() is await running.app.description()


def _schema(path: str, method: str, status: str) -> Draft202012Validator:
    answers = DOCUMENT["paths"][path][method]["responses"]
    answer = answers.get(status) or answers[f"{status[0]}XX"]
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"]["Error"]
    schema = answer["content"]["application/json"]["schema"]
    resource = Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:d", resource)
    return Draft202012Validator({"$ref": f"urn:d{schema['$ref']}"}, registry=registry)


@pytest.mark.parametrize(
    ("path", "url", "body"),
    [
        ("/v1/chat/completions", "", {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}),
        ("/v1/chat/completions", "", {"model": "m", "messages": []}),
        ("/v1/completions", "", {"model": "m", "prompt": "Hi"}),
        ("/v1/embeddings", "", {"model": "m", "input": "Hi"}),
        ("/v1/rerank", "", {"model": "m", "query": "q", "documents": ["a"]}),
        ("/v1/moderations", "", {"model": "m", "input": "x"}),
        ("/v1/models", "", None),
        ("/v1/models/{model}", "/v1/models/local/org/m", None),
        ("/v1/models/{model}", "/v1/models/nope", None),
        ("/v1/providers", "", None),
        ("/v1/providers/{provider}", "/v1/providers/local", None),
        ("/v1/version", "", None),
        ("/livez", "", None),
        ("/readyz", "", None),
    ],
)
async def test_what_is_sent_is_what_is_described(start: Start, path: str, url: str, body: Any) -> None:
    running = await start()
    target, method = url or path, "get" if body is None else "post"
    data = None if body is None else json.dumps(body)
    headers = {"content-type": "application/json"}
    async with running.http.request(method, running.root + target, data=data, headers=headers) as answer:
        _schema(path, method, str(answer.status)).validate(await answer.json())


PARTS = ("/v1/responses.*", "/v1/(chat|conversations).*")
"""Paths whose bodies have very many forms, as regular expressions: each part is walked beside the others."""


@pytest.mark.slow
@pytest.mark.timeout(600)  # it walks every operation
@pytest.mark.parametrize("part", [*PARTS, None], ids=["responses", "chats", "the rest"])
async def test_schemathesis_finds_no_5xx_and_no_violation(
    start: Start, rail: SmallRail, tmp_path: Path, part: str | None
) -> None:
    rail.takes_any_name = True
    running = await start()
    async with running.http.get(running.root + "/openapi.json") as answer:
        document = await answer.json()
    for node in _walk(document):
        if node.get("format") == "uri":
            del node["format"]  # an annotation: whoever fetches the URL finds out whether it is one
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    # A query that is longer than the server takes is refused as such, whatever else is wrong with it.
    refused = [400, 401, 403, 404, 405, 406, 409, 415, 422, 428, 429, 431]
    (tmp_path / "schemathesis.toml").write_text(f"[checks.negative_data_rejection]\nexpected-statuses = {refused}\n")
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={tmp_path / 'schemathesis.toml'}",
        "run",
        str(tmp_path / "openapi.json"),
        f"--url={running.root}",
        f"--include-path-regex=^{part}" if part else f"--exclude-path-regex=^({'|'.join(PARTS)})",
        "--phases=coverage,fuzzing",
        "--max-examples=15",
        "--max-failures=5",
        "--suppress-health-check=all",
        "--generation-database=none",
        "--no-color",
        "--checks=all",
        # JSON Schema takes 2.0 for an integer; we, like OpenAI, do not.
        "--exclude-checks=positive_data_acceptance",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()[-4000:]

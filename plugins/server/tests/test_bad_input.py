"""Bad bodies at every route: always 4xx, always in OpenAI's shape, and naming the field where there is one."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_core.api.error_body import ErrorBody
from dinrail_core.hooks.http import Route
from dinrail_core.host import operations
from dinrail_server.routes import ROUTES as DECLARED
from dinrail_server.routing import template

if TYPE_CHECKING:
    from conftest import Running, Start

GOOD: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "Hi"}]},
    "/v1/completions": {"model": "m", "prompt": "Hi"},
    "/v1/embeddings": {"model": "m", "input": "Hi"},
    "/v1/rerank": {"model": "m", "query": "q", "documents": ["a", "b"]},
    "/v1/moderations": {"model": "m", "input": "Hi"},
}
ROUTES = operations(DECLARED)
ANSWERED_BY_SERVICES = {
    "/v1/responses/input_tokens",
    "/v1/responses/compact",
    "/v1/file-processors/process",
    "/v1/vector_stores/{vector_store_id}/search",
}
ASKING = [route for route in ROUTES if route.asks and route.path not in ANSWERED_BY_SERVICES]
"""Those that a provider answers; the services' own tests walk the others."""

DEEP = b'{"model": "m", "x": ' + b"[" * 65 + b"]" * 65 + b"}"
MALFORMED = {
    "empty": b"",
    "no json": b"hello",
    "cut off": b'{"model": "m"',
    "trailing comma": b'{"model": "m",}',
    "two documents": b"{} {}",
    "array": b"[]",
    "string": b'"model"',
    "number": b"1",
    "null": b"null",
    "NaN": b'{"model": "m", "temperature": NaN}',
    "Infinity": b'{"model": "m", "temperature": -Infinity}',
    "number beyond a double": b'{"model": "m", "temperature": 1e999}',
    "invalid UTF-8": b'{"model": "\xff\xfe"}',
    "UTF-16": '{"model": "m"}'.encode("utf-16"),
    "lone surrogate": b'{"model": "\\ud800"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "too deep": DEEP,
    "far too deep": b"[" * 100_000,
    "form": b"model=m&input=x",
}


WRONG: tuple[Any, ...] = (123, True, {"x": 1}, None, [[[]]], [None], 1e300)


def test_every_route_that_asks_a_model_is_walked() -> None:
    assert {route.path for route in ASKING} == GOOD.keys()


async def _error(running: Running, path: str, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    async with running.post(path, body, **headers) as answer:
        text = await answer.read()
        assert answer.content_type == "application/json"
    if answer.status == 200:
        return 200, {}
    return answer.status, ErrorBody.model_validate_json(text).error.model_dump()


@pytest.mark.parametrize("route", ASKING, ids=lambda route: str(route.path))
async def test_malformed_bodies_are_400(start: Start, route: Route) -> None:
    running = await start()
    for name, body in MALFORMED.items():
        status, error = await _error(running, route.path, body)
        assert status == 400, name
        assert error["type"] == "invalid_request_error", name
        assert error["message"], name
    status, _ = await _error(running, route.path, json.dumps(GOOD[route.path]).encode())
    assert status == 200


@pytest.mark.parametrize("route", ASKING, ids=lambda route: str(route.path))
async def test_a_field_of_a_wrong_type_is_named(start: Start, route: Route) -> None:
    running = await start()
    good = GOOD[route.path]
    assert route.body is not None
    optional = (
        route.body.model_fields.keys() & {"model"} if not route.body.model_fields["model"].is_required() else set()
    )
    for name in good:
        for wrong in WRONG:
            body = {**good, name: wrong}
            status, error = await _error(running, route.path, json.dumps(body).encode())
            if status == 200 and name == "prompt":
                continue  # null is a prompt: it begins a document out of nothing
            assert status == 400, (name, wrong)
            assert str(error["param"]).split(".")[0] == name, (name, wrong)
        if name not in optional:
            missing = {key: value for key, value in good.items() if key != name}
            status, error = await _error(running, route.path, json.dumps(missing).encode())
            assert (status, error["param"], error["code"]) == (400, name, "missing_required_parameter")


@pytest.mark.parametrize("route", ASKING, ids=lambda route: str(route.path))
async def test_a_wrong_content_type_is_415_and_none_is_taken_for_json(start: Start, route: Route) -> None:
    running = await start()
    good = json.dumps(GOOD[route.path]).encode()
    for wrong in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json", "/"):
        status, error = await _error(running, route.path, good, content_type=wrong)
        assert (status, error["code"]) == (415, "unsupported_media_type"), wrong
    for right in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        assert (await _error(running, route.path, good, content_type=right))[0] == 200, right
    head = f"POST {route.path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {len(good)}\r\n\r\n"
    assert (await running.exchange(head.encode() + good)).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("route", ASKING, ids=lambda route: str(route.path))
async def test_an_unknown_model_is_404_and_names_the_field(start: Start, route: Route) -> None:
    running = await start()
    for model in ("nope", "", "a" * 10_000, "../../etc/passwd", "local/", "/", "\u0000"):
        body = json.dumps({**GOOD[route.path], "model": model}).encode()
        status, error = await _error(running, route.path, body)
        assert (status, error["param"], error["code"]) == (404, "model", "model_not_found"), model
        assert len(error["message"]) < 2_100, "and repeats no id of any length"


@pytest.mark.parametrize("route", ASKING, ids=lambda route: str(route.path))
async def test_without_a_provider_the_answer_names_what_to_install(start: Start, rail: Any, route: Route) -> None:
    from dinrail_core.api.chat.contract import ChatModel
    from dinrail_core.api.completions import CompletionModel
    from dinrail_core.api.embeddings import Embedder
    from dinrail_core.api.moderations import Moderator
    from dinrail_core.api.rerank import Reranker

    rail.missing = {ChatModel, CompletionModel, Embedder, Reranker, Moderator}
    running = await start()
    body = {key: value for key, value in GOOD[route.path].items() if key != "model" or route.path != "/v1/moderations"}
    status, error = await _error(running, route.path, json.dumps(body).encode())
    assert (status, error["code"]) == (404, "not_installed")
    assert "Install" in error["message"]


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("messages", [], "messages"),
        ("messages", [{"role": "nobody", "content": "x"}], "messages.0"),
        ("messages", [{"content": "x"}], "messages.0"),
        ("messages", [{"role": "user", "content": [{"type": "nope"}]}], "messages.0.content.0"),
        ("messages", [{"role": "user", "content": "x"}, {"role": "user", "content": 7}], "messages.1.content"),
        ("messages", [{"role": "tool", "content": "x"}], "messages.0.tool_call_id"),
        ("temperature", 3, "temperature"),
        ("temperature", "warm", "temperature"),
        ("n", 0, "n"),
        ("n", 10**30, "n"),
        ("n", 1.5, "n"),
        ("seed", 2**70, "seed"),
        ("top_logprobs", 21, "top_logprobs"),
        ("stream", "yes", "stream"),
        ("max_tokens", -(10**400), "max_tokens"),
        ("stop", ["a", "b", "c", "d", "e"], "stop"),
        ("tools", [{"type": "function"}], "tools.0.function"),
        ("tool_choice", "maybe", "tool_choice"),
        ("response_format", {"type": "json_schema"}, "response_format.json_schema"),
        ("metadata", {"a": 1}, "metadata.a"),
        ("logit_bias", {"1": "x"}, "logit_bias"),
    ],
)
async def test_the_field_of_a_chat_that_is_wrong_is_named(start: Start, field: str, value: Any, param: str) -> None:
    running = await start()
    body = json.dumps({**GOOD["/v1/chat/completions"], field: value}).encode()
    status, error = await _error(running, "/v1/chat/completions", body)
    assert status == 400
    if error["code"] != "invalid_json":  # an integer beyond every double is no JSON for the parser
        assert str(error["param"]).startswith(param)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_wrong_methods_are_405_everywhere(start: Start, route: Route) -> None:
    running = await start()
    path = template(route.path).replace("{model}", "a/b").replace("{provider}", "x")
    there = {other.method for other in ROUTES if other.path == route.path}
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - there:
        async with running.http.request(method, running.root + path) as answer:
            assert answer.status == 405, method
            ErrorBody.model_validate_json(await answer.read())
            assert answer.headers["allow"]


async def test_bodies_where_none_is_taken_are_ignored(start: Start) -> None:
    running = await start()
    for route in ROUTES:
        if route.method == "GET" and "{" not in route.path:
            async with running.http.request("GET", running.root + route.path, data=b"[" * 1000) as answer:
                lacking = answer.status == 404 and (await answer.json())["error"]["code"] == "not_installed"
                assert answer.status == 200 or lacking, route.path


async def test_many_bad_requests_leave_a_server_that_works(start: Start) -> None:
    running = await start()
    bodies = list(MALFORMED.values())
    await asyncio.gather(*(_error(running, "/v1/chat/completions", bodies[n % len(bodies)]) for n in range(200)))
    status, _ = await _error(running, "/v1/chat/completions", json.dumps(GOOD["/v1/chat/completions"]).encode())
    assert status == 200
    assert len(running.app.flights) == 0

"""Identity, policy and limits in front of handlers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dinrail_core.api.answers import Answer
from dinrail_core.api.call import LOCAL, Principal
from dinrail_core.api.wire import Wire
from dinrail_core.errors import PermissionDenied
from dinrail_core.hooks.http import Exchange, Reply, Route
from dinrail_core.host import operations
from dinrail_server.routes import ROUTES as DECLARED

if TYPE_CHECKING:
    from conftest import CountingMeter as Meter
    from conftest import Doorman, Running, Scripted, Start

ROUTES = operations(DECLARED)
CHAT = json.dumps({"model": "local/m", "messages": [{"role": "user", "content": "Hi."}]}).encode()
STREAM = json.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi."}], "stream": True}).encode()
ANN = "Bearer ann"


async def chat(running: Running, body: bytes = CHAT, **headers: str) -> tuple[int, Mapping[str, str], bytes]:
    async with running.post("/v1/chat/completions", body, **headers) as answer:
        return answer.status, answer.headers, await answer.read()


@pytest.mark.parametrize("route", [route for route in ROUTES if not route.public], ids=lambda r: f"{r.method} {r.path}")
async def test_every_route_that_is_not_public_wants_to_know_who_calls(
    route: Route, start: Start, identity: Doorman
) -> None:
    running = await start(identity=identity)
    path = route.path.replace("{", "").replace(":path}", "").replace("}", "")
    async with running.http.request(route.method, running.root + path) as answer:
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert (await answer.json())["error"]["type"] == "authentication_error"
    assert [event.action for event in identity.events] == ["authenticate"]


async def test_public_routes_do_not(start: Start, identity: Doorman) -> None:
    running = await start(identity=identity)
    for route in ROUTES:
        if route.public:
            async with running.http.get(running.root + route.path) as answer:
                assert answer.status == 200
    assert identity.asked == 0
    assert identity.events == []


async def test_a_known_caller_is_the_calls_principal(start: Start, identity: Doorman, provider: Scripted) -> None:
    identity.callers["ann"] = replace(identity.callers["ann"], storage_limit=7)
    running = await start(identity=identity)
    for _ in range(2):
        assert (await chat(running, authorization=ANN, x_request_id="r1"))[0] == 200
    assert {call.principal for call in provider.calls} == {Principal("acme", "ann")}
    assert (provider.calls[0].request_id, provider.calls[0].storage_limit) == ("r1", 7)
    assert identity.asked == 1, "the second time, it is remembered"


async def test_where_nobody_has_to_authenticate_the_caller_is_the_machines_user(
    start: Start, identity: Doorman, provider: Scripted
) -> None:
    identity.required = False
    running = await start(identity=identity)
    assert (await chat(running, authorization="Bearer whatever"))[0] == 200
    assert provider.calls[0].principal == LOCAL
    assert identity.asked == 0


async def test_the_first_key_counts_at_once(start: Start, identity: Doorman) -> None:
    identity.required = False
    running = await start(identity=identity)
    assert (await chat(running))[0] == 200
    identity.required = True
    assert (await chat(running))[0] == 401


async def test_an_open_address_serves_nobody_unknown_even_if_there_turn_out_to_be_no_keys(
    start: Start, identity: Doorman
) -> None:
    for config in ({"host": "0.0.0.0"}, {"authenticate": True}):
        running = await start(identity=identity, **config)
        identity.required = False
        assert (await chat(running, authorization=ANN))[0] == 401
        identity.required = True
        assert (await chat(running, authorization=ANN))[0] == 200


async def test_where_callers_cannot_be_told_apart_nobody_is_let_in(start: Start, identity: Doorman) -> None:
    identity.down = True
    running = await start(identity=identity)
    status, headers, _ = await chat(running, authorization=ANN)
    assert (status, headers["retry-after"]) == (503, "2")


async def test_an_operation_that_is_denied_is_forbidden_and_noted(start: Start, identity: Doorman) -> None:
    identity.rules.denied.add("GET /v1/models/{model}")
    running = await start(identity=identity)
    async with running.http.get(f"{running.url}/models/local/m", headers={"authorization": ANN}) as answer:
        assert answer.status == 403
    (event,) = identity.events
    assert (event.action, event.route, event.status) == ("deny", "GET /v1/models/{model}", 403)
    assert (event.principal, event.credential, event.error) == (
        Principal("acme", "ann"),
        "key_ann",
        "permission_denied",
    )
    async with running.http.get(f"{running.url}/models", headers={"authorization": ANN}) as answer:
        assert answer.status == 200


async def test_a_model_that_is_denied_looks_like_a_missing_one(start: Start, identity: Doorman) -> None:
    identity.rules.denied.add("local/m")
    running = await start(identity=identity)
    denied = await chat(running, authorization=ANN)
    missing = await chat(running, CHAT.replace(b"local/m", b"local/x"), authorization=ANN)
    assert denied[0] == missing[0] == 404
    assert denied[2].replace(b"local/m", b"local/x") == missing[2]
    async with running.http.get(f"{running.url}/models", headers={"authorization": ANN}) as answer:
        assert [model["id"] for model in (await answer.json())["data"]] == ["local/org/m"]


# --- a caller's own upstream key


async def test_an_upstream_key_is_handed_on_where_the_operator_allows_it(
    start: Start, identity: Doorman, provider: Scripted
) -> None:
    identity.upstream_keys = True
    running = await start(identity=identity)
    for required in (True, False):
        identity.required = required
        await chat(running, authorization=ANN, x_dinrail_upstream_key="sk-mine")
        await chat(running, authorization=ANN)
    keys = [call.upstream_key.get_secret_value() if call.upstream_key else None for call in provider.calls]
    assert keys == ["sk-mine", None, "sk-mine", None]
    assert "sk-mine" not in repr(provider.calls) + repr(identity.events)


async def test_an_upstream_key_is_refused_elsewhere_and_not_passed_over(
    start: Start, identity: Doorman, provider: Scripted
) -> None:
    running = await start(identity=identity)
    status, _, body = await chat(running, authorization=ANN, x_dinrail_upstream_key="sk-mine")
    assert status == 403
    assert json.loads(body)["error"]["code"] == "upstream_key_not_allowed"
    assert b"sk-mine" not in body
    assert provider.calls == []


# --- limits


async def test_what_is_left_stands_in_every_answer_and_too_much_is_refused(
    start: Start, identity: Doorman, meter: Meter, provider: Scripted
) -> None:
    running = await start(identity=identity)
    left = []
    for _ in range(2):
        status, headers, _ = await chat(running, authorization=ANN)
        assert status == 200
        left.append(headers["x-ratelimit-remaining-requests"])
    status, headers, body = await chat(running, authorization=ANN)
    assert (status, headers["retry-after"], headers["x-ratelimit-remaining-requests"]) == (429, "2", "0")
    assert json.loads(body)["error"]["type"] == "rate_limit_error"
    assert left == ["1", "0"]
    assert len(provider.calls) == 2
    assert (meter.inside, meter.tokens) == (0, [3, 3]), "whoever is refused has not come in, so does not leave"


async def test_a_request_that_fails_leaves_too(start: Start, identity: Doorman, meter: Meter) -> None:
    running = await start(identity=identity)
    assert (await chat(running, b"{}", authorization=ANN))[0] == 400
    assert (meter.inside, meter.tokens) == (0, [0])


async def test_tokens_of_a_stream_are_those_that_it_tells(
    start: Start, identity: Doorman, meter: Meter, provider: Scripted
) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b'data: {"choices": [{"delta": {"content": "\\"total_tokens\\": 99"}}]}\n\n'
        yield b'data: {"choices": [], "usage": {"prompt_tokens": 40, "total_tokens" : 42}}\n\n'

    provider.pieces = pieces
    running = await start(identity=identity)
    assert (await chat(running, STREAM, authorization=ANN))[0] == 200
    assert meter.tokens == [42]
    assert provider.closed.is_set()


async def test_tokens_of_a_stream_that_does_not_tell_are_estimated(
    start: Start, identity: Doorman, meter: Meter
) -> None:
    running = await start(identity=identity)
    await chat(running, STREAM, authorization=ANN)
    assert meter.tokens == [3 + len(STREAM) // 4]


async def test_a_client_that_leaves_has_used_what_it_got(
    start: Start, identity: Doorman, meter: Meter, provider: Scripted
) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        while True:
            yield b'data: {"usage": {"total_tokens": 7}}\n\n' * 1000

    provider.pieces = pieces
    running = await start(identity=identity)
    async with running.post("/v1/chat/completions", STREAM, authorization=ANN) as answer:
        await answer.content.readany()
    await provider.closed.wait()
    async with running.http.get(f"{running.url}/models", headers={"authorization": ANN}):
        pass
    assert meter.tokens[0] == 7
    assert meter.inside == 0


# --- the audit log


class Note(Wire):
    """Something that is kept."""

    note_id: str = "note_1"
    text: str = "secret"


async def _make(exchange: Exchange) -> Answer[Note]:
    return Answer.of(Note())


async def _remove(exchange: Exchange) -> Reply:
    if exchange.path["id"] == "theirs":
        raise PermissionDenied("Not yours.")
    return Reply(status=204)


NOTES = [
    Route(method="POST", path="/v1/notes", handler=_make, summary="", tag="", body=Note, answer=Note),
    Route(method="POST", path="/v1/ask", handler=_make, summary="", tag="", body=Note, answer=Note, asks=True),
    Route(method="DELETE", path="/v1/notes/{id}", handler=_remove, summary="", tag="", status=204),
    Route(method="GET", path="/v1/notes/{id}", handler=_make, summary="", tag="", answer=Note),
]


async def test_what_is_made_and_removed_is_noted_without_its_content(start: Start, identity: Doorman) -> None:
    running = await start(identity=identity, routes=NOTES)
    async with running.post("/v1/notes", b"{}", authorization=ANN, x_request_id="r1") as answer:
        assert answer.status == 200
    async with running.post("/v1/ask", b"{}", authorization=ANN):
        pass
    for method, name in (("GET", "note_1"), ("DELETE", "note_1"), ("DELETE", "theirs")):
        async with running.http.request(method, f"{running.url}/notes/{name}", headers={"authorization": ANN}):
            pass
    noted = [(event.action, event.route, event.objects, event.status) for event in identity.events]
    assert noted == [
        ("create", "POST /v1/notes", ("note_1",), 200),
        ("delete", "DELETE /v1/notes/{id}", ("note_1",), 204),
        ("deny", "DELETE /v1/notes/{id}", ("theirs",), 403),
    ]
    first = identity.events[0]
    assert (first.request_id, first.principal, first.client) == ("r1", Principal("acme", "ann"), "127.0.0.1")
    assert "secret" not in repr(identity.events)


async def test_nothing_is_noted_where_nobody_has_to_authenticate(start: Start, identity: Doorman) -> None:
    identity.required = False
    running = await start(identity=identity, routes=NOTES)
    async with running.post("/v1/notes", b"{}"):
        pass
    assert identity.events == []

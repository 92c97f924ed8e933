"""Web pages: which may call the server, and under which names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from dinrail_server.config import CorsConfig

if TYPE_CHECKING:
    from conftest import Start

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "Hi"}]}'
PAGE = "https://app.example.com"


async def test_a_page_that_is_not_allowed_can_change_nothing(start: Start) -> None:
    running = await start()
    async with running.post("/v1/chat/completions", BODY, origin=PAGE) as answer:
        assert answer.status == 403
        error = (await answer.json())["error"]
        assert error["code"] == "origin_not_allowed"
        assert f'origins = ["{PAGE}"]' in error["message"]


async def test_a_page_that_is_not_allowed_cannot_read(start: Start) -> None:
    running = await start()
    async with running.http.get(running.url + "/models", headers={"origin": PAGE}) as answer:
        assert "access-control-allow-origin" not in answer.headers
    preflight = {"origin": PAGE, "access-control-request-method": "POST"}
    async with running.http.options(running.url + "/chat/completions", headers=preflight) as answer:
        assert answer.status == 405


async def test_a_page_of_the_server_itself_may_call_it(start: Start) -> None:
    running = await start()
    async with running.post("/v1/chat/completions", BODY, origin=running.root) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("origins", [(PAGE,), ("*",)])
async def test_an_allowed_page_may_ask_and_read(start: Start, origins: tuple[str, ...]) -> None:
    running = await start(cors=CorsConfig(origins=origins))
    preflight = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type",
    }
    async with running.http.options(running.url + "/chat/completions", headers=preflight) as answer:
        assert answer.status == 204
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST"
        assert answer.headers["access-control-allow-headers"] == "authorization, content-type"
        assert answer.headers["access-control-max-age"] == "600"
        assert answer.headers["vary"] == "origin"
    for status, model in ((200, "m"), (404, "nope")):
        async with running.post("/v1/chat/completions", BODY.replace(b'"m"', f'"{model}"'.encode()), origin=PAGE) as a:
            assert a.status == status
            assert a.headers["access-control-allow-origin"] == PAGE, "errors are readable too"
            assert "x-request-id" in a.headers["access-control-expose-headers"]


async def test_another_page_stays_outside(start: Start) -> None:
    running = await start(cors=CorsConfig(origins=(PAGE,)))
    async with running.post("/v1/chat/completions", BODY, origin="https://evil.example") as answer:
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["vary"] == "origin"


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "https://", ""])
def test_what_is_no_origin_is_refused_in_the_configuration(origin: str) -> None:
    with pytest.raises(ValidationError, match=re.escape("is not an origin")):
        CorsConfig(origins=(origin,))


@pytest.mark.parametrize(
    "host", ["127.0.0.1:1", "localhost", "app.localhost:80", "[::1]:8321", "LOCALHOST.", "10.0.0.7"]
)
async def test_addresses_and_localhost_are_good_names(start: Start, host: str) -> None:
    running = await start()
    async with running.http.get(running.url + "/models", headers={"host": host}) as answer:
        assert answer.status == 200


async def test_a_name_that_a_page_made_point_here_is_refused_until_the_operator_gives_it(start: Start) -> None:
    running = await start()
    for _ in range(2):
        async with running.http.get(running.url + "/models", headers={"host": "evil.example:8321"}) as answer:
            assert answer.status == 403
            error = (await answer.json())["error"]
            assert error["code"] == "host_not_allowed"
            assert 'hosts = ["evil.example"]' in error["message"]
    for hosts in (("good.example",), ("*",)):
        allowing = await start(hosts=hosts)
        async with allowing.http.get(allowing.url + "/models", headers={"host": "Good.Example:8321"}) as answer:
            assert answer.status == 200


async def test_on_an_open_address_any_name_is_good(start: Start) -> None:
    running = await start(host="0.0.0.0", insecure=True)
    async with running.http.get(running.url + "/models", headers={"host": "dinrail.internal"}) as answer:
        assert answer.status == 200

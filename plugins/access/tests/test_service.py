"""Keys and tokens through the real server."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import openai
import pytest
from guarded import HELLO, PLUGINS, House, becomes, client, status
from issuer import AUDIENCE, Issuer

from dinrail_access.credentials import new_key
from dinrail_core.api.api_keys import ApiKeys, CreateApiKey, Limits
from dinrail_core.api.call import Call
from dinrail_core.errors import ConfigurationError
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.databases import PostgreSQL

# --- whether anybody has to say who it is


async def test_without_keys_the_server_is_for_the_one_user_of_its_machine(house: House) -> None:
    served = await house.serve()
    assert await status(served, None) == 200
    assert await status(served, "whatever") == 200


async def test_a_key_from_before_the_first_start_is_wanted_at_once(house: House) -> None:
    key = await house.key()
    served = await house.serve()
    assert await status(served, None) == 401
    assert await status(served, key.value) == 200


async def test_the_first_key_closes_every_running_server_within_seconds(house: House) -> None:
    servers = [await house.serve(), await house.serve()]
    for served in servers:
        assert await status(served, None) == 200
    key = await house.key()
    for served in servers:
        await becomes(401, served, None)
        assert await status(served, key.value) == 200


async def test_the_last_key_that_is_taken_back_opens_nothing(house: House) -> None:
    key = await house.key()
    async with open_rail(config=house.config, plugins=PLUGINS) as rail:
        await (await rail.service(ApiKeys)).revoke(key.id, Call())
    served = await house.serve()
    assert await status(served, None) == 401
    assert await status(served, key.value) == 401
    async with open_rail(config=house.config, plugins=PLUGINS) as rail:
        await (await rail.service(ApiKeys)).forget(key.id, Call())
    assert await status(served, None) == 401, "who is served now stays asked"
    assert await status(await house.serve(), None) == 200


async def test_an_open_address_needs_identity(house: House) -> None:
    with pytest.raises(ConfigurationError, match="make a key"):
        await house.serve(host="0.0.0.0")
    await house.key()
    served = await house.serve(host="0.0.0.0")
    assert await status(served, None) == 401


async def test_keys_can_be_turned_off(house: House) -> None:
    key = await house.key()
    house.access["api_keys"] = False
    assert await status(await house.serve(), key.value) == 200, "the one user, whatever it shows"


# --- keys


async def test_a_key_is_refused_within_seconds_of_being_taken_back_wherever_it_was_used(house: House) -> None:
    key, other = await house.key(), await house.key()
    servers = [await house.serve(), await house.serve()]
    for served in servers:
        assert await status(served, key.value) == 200
    async with open_rail(config=house.config, plugins=PLUGINS) as rail:
        await (await rail.service(ApiKeys)).revoke(key.id, Call())
    await asyncio.gather(*(becomes(401, served, key.value) for served in servers))
    for served in servers:
        assert await status(served, other.value) == 200


async def test_a_key_ends_when_it_was_said_to(house: House) -> None:
    await house.key()
    served = await house.serve()
    async with open_rail(config=house.config, plugins=PLUGINS) as rail:
        keys = await rail.service(ApiKeys)
        key = await keys.create(CreateApiKey(tenant="acme", expires_at=int(time.time()) + 3), Call())
        assert await status(served, key.value) == 200
        took = await becomes(401, served, key.value)
    assert took < 4


async def test_a_new_key_works_soon_after_it_was_tried_in_vain(house: House) -> None:
    await house.key()
    served = await house.serve()
    async with open_rail(config=house.config, plugins=PLUGINS) as rail:
        keys = await rail.service(ApiKeys)
        made = await keys.create(CreateApiKey(tenant="acme"), Call())
        assert await status(served, made.value) == 200


async def test_other_keys_are_refused(house: House) -> None:
    key = (await house.key()).value
    served = await house.serve()
    for wrong in (
        new_key(),
        key[:-1],
        key + "0",
        key.swapcase(),
        "",
        "dr_" + "a" * 7000,
        "eyJhbGciOiJub25lIn0.e30.",
        "dr_\u00e9",
    ):
        async with client(served, wrong) as ask:
            for _ in range(2):
                code, body, headers = await ask("GET", "/prompts")
                assert (code, headers["www-authenticate"]) == (401, "Bearer")
                assert body["error"]["type"] == "authentication_error"
                assert key not in json.dumps(body)
                assert wrong == "" or wrong not in json.dumps(body)


async def test_a_request_line_that_is_too_long_is_refused_before_that(house: House) -> None:
    await house.key()
    served = await house.serve()
    assert await status(served, "a" * 100_000) == 431


async def test_what_is_kept_does_not_make_a_key(house: House) -> None:
    key = await house.key(name="laptop", roles=["a"])
    async with open_rail(config=house.config, plugins=PLUGINS) as rail:
        rows = await (await rail.service(Database)).sweep(
            lambda connection: [str(row) for row in connection.exec_driver_sql("SELECT * FROM access_keys")]
        )
    assert len(rows) == 1
    assert "laptop" in rows[0]
    assert key.value not in rows[0]
    assert key.value[10:40] not in rows[0]


# --- over HTTP, for administrators


async def test_an_administrator_manages_keys_over_http(house: House) -> None:
    admin = await house.key("ops", roles=["admin"])
    served = await house.serve()
    async with client(served, admin.value) as ask:
        wanted = {"tenant": "acme", "user": "ann", "roles": ["r"], "name": "n", "limits": {"requests_per_minute": 3}}
        code, made, _ = await ask("POST", "/admin/keys", wanted)
        assert code == 200
        assert await status(served, made["value"]) == 200
        code, found, _ = await ask("GET", f"/admin/keys/{made['id']}")
        assert {**found, "value": made["value"]} == made
        assert found["limits"] == {"requests_per_minute": 3}
        code, listed, _ = await ask("GET", "/admin/keys?order=asc&limit=1")
        assert ([key["id"] for key in listed["data"]], listed["has_more"]) == ([admin.id], True)
        code, listed, _ = await ask("GET", f"/admin/keys?order=asc&after={admin.id}")
        assert [key["id"] for key in listed["data"]] == [made["id"]]
        assert "value" not in listed["data"][0]
        code, deleted, _ = await ask("DELETE", f"/admin/keys/{made['id']}")
        assert deleted == {"id": made["id"], "object": "api_key.deleted", "deleted": True}
        await becomes(401, served, made["value"])
        code, found, _ = await ask("GET", f"/admin/keys/{made['id']}")
        assert found["revoked_at"] is not None
        assert (await ask("DELETE", "/admin/keys/key_x"))[0] == 404


NONSENSE: list[tuple[dict[str, Any], str]] = [
    ({}, "tenant"),
    ({"tenant": ""}, "tenant"),
    ({"tenant": "a\nb"}, "tenant"),
    ({"tenant": "a,b"}, "tenant"),
    ({"tenant": "x" * 201}, "tenant"),
    ({"tenant": "a", "user": 7}, "user"),
    ({"tenant": "a", "roles": ["ok", ""]}, "roles.1"),
    ({"tenant": "a", "name": "a\0"}, "name"),
    ({"tenant": "a", "expires_at": 5}, "expires_at"),
    ({"tenant": "a", "limits": {"requests_per_minute": 0}}, "limits.requests_per_minute"),
    ({"tenant": "a", "limits": {"requests_per_second": 1}}, "limits.requests_per_second"),
]


async def test_a_key_that_makes_no_sense_is_not_made(house: House) -> None:
    admin = await house.key("ops", roles=["admin"])
    served = await house.serve()
    async with client(served, admin.value) as ask:
        for body, param in NONSENSE:
            code, answer, _ = await ask("POST", "/admin/keys", body)
            assert (code, answer["error"]["param"]) == (400, param), body
        assert [key["id"] for key in (await ask("GET", "/admin/keys"))[1]["data"]] == [admin.id]


async def test_others_do_not_manage_keys(house: House) -> None:
    served = await house.serve()
    attempts = [("POST", "/admin/keys", {"tenant": "x"}), ("GET", "/admin/keys", None), ("GET", "/admin/keys/k", None)]
    for method, path, body in [*attempts, ("DELETE", "/admin/keys/k", None)]:
        assert await status(served, None, method, path, body) == 403, "the machine's user uses the command line"
    key = await house.key(roles=["administrator", "Admin"])
    await becomes(401, served, None)
    for method, path, body in [*attempts, ("DELETE", "/admin/keys/k", None)]:
        assert await status(served, key.value, method, path, body) == 403


# --- owners


async def test_tenants_and_users_see_nothing_of_each_other(house: House) -> None:
    keys = {
        who: (await house.key(tenant, user)).value
        for who, tenant, user in (
            ("ann", "acme", "ann"),
            ("bob", "acme", "bob"),
            ("acme", "acme", None),
            ("eve", "e", "ann"),
        )
    }
    again = (await house.key("acme", "ann")).value
    served = await house.serve()
    async with client(served, keys["ann"]) as ask:
        prompt = (await ask("POST", "/prompts", {"prompt": "Hi."}))[1]["prompt_id"]
    for who, key in keys.items():
        assert await status(served, key, "GET", f"/prompts/{prompt}") == (200 if who == "ann" else 404)
    assert await status(served, again, "GET", f"/prompts/{prompt}") == 200, "another key of the same user"


# --- policy, limits and keys of one's own, through the openai package


async def test_what_may_not_be_used_is_neither_listed_nor_found(house: House) -> None:
    upstream = await house.upstream()
    house.config["aliases"] = {"best": "gpu0/kit-model"}
    house.access["rules"] = [
        {"roles": ["intern"], "deny_models": ["gpu0/kit-model"]},
        {"tenants": ["closed"], "deny_providers": ["gpu0"], "deny_routes": ["* /v1/prompts*"]},
    ]
    intern = (await house.key(roles=["intern"])).value
    free, closed = (await house.key()).value, (await house.key("closed")).value
    served = await house.serve()
    async with served.openai(api_key=free) as one:
        names = {model.id async for model in one.models.list()}
        assert {"gpu0/kit-model", "best"} <= names
        await one.chat.completions.create(model="best", messages=HELLO)
    asked = len([one for one in upstream.received if one.asked is not None])
    async with served.openai(api_key=intern) as one:
        assert {model.id async for model in one.models.list()} == names - {"gpu0/kit-model", "best"}
        for name in ("best", "gpu0/kit-model", "kit-model"):
            with pytest.raises(openai.NotFoundError) as denied:
                await one.chat.completions.create(model=name, messages=HELLO)
            assert denied.value.code == "model_not_found"
            with pytest.raises(openai.NotFoundError):
                await one.models.retrieve(name)
    assert len([one for one in upstream.received if one.asked is not None]) == asked
    async with client(served, closed) as ask:
        assert (await ask("GET", "/models"))[1]["data"] == []
        assert (await ask("GET", "/providers"))[1]["data"] == []
        assert (await ask("GET", "/providers/gpu0"))[0] == 404
        assert (await ask("GET", "/prompts"))[0] == 403
        assert (await ask("POST", "/prompts", {"prompt": "x"}))[0] == 403
        assert (await ask("GET", "/prompts/x"))[0] == 403


async def test_limits_are_kept_by_all_servers_together(house: House) -> None:
    await house.upstream()
    key = await house.key(limits=Limits(requests_per_minute=5))
    servers = [await house.serve(), await house.serve()]
    outcomes: list[int] = []
    for turn in range(12):
        async with client(servers[turn % 2], key.value) as ask:
            code, _, headers = await ask("GET", "/models")
            outcomes.append(code)
            assert headers["x-ratelimit-limit-requests"] == "5"
            if code == 429:
                assert 1 <= int(headers["retry-after"]) <= 12
                assert headers["x-ratelimit-remaining-requests"] == "0"
    assert outcomes.count(200) == 5
    assert set(outcomes) == {200, 429}


async def test_tokens_are_limited_across_servers(house: House) -> None:
    await house.upstream()
    house.access["limits"] = [{"tenants": ["acme"], "tokens_per_minute": 30}]
    key = (await house.key()).value
    servers = [await house.serve(), await house.serve()]
    served = 0
    refused: list[openai.RateLimitError] = []
    while len(refused) < 4:
        async with servers[served % 2].openai(api_key=key) as one:
            try:
                await one.chat.completions.create(model="gpu0/kit-model", messages=HELLO, stream=served % 3 == 0)
            except openai.RateLimitError as error:
                refused.append(error)
        served += 1
        assert served < 60
    assert served > len(refused), "some were served before"
    for refusal in refused:
        assert refusal.response.headers["x-ratelimit-limit-tokens"] == "30"
        assert int(refusal.response.headers["retry-after"]) >= 1
    async with client(servers[0], key) as ask:
        assert (await ask("GET", "/models"))[2]["x-ratelimit-limit-tokens"] == "30"


async def test_requests_at_once_are_limited_across_servers(house: House) -> None:
    key = await house.key(limits=Limits(concurrent_requests=2))
    servers = [await house.serve(), await house.serve()]
    async with AsyncExitStack() as stack:
        asks = [await stack.enter_async_context(client(served, key.value)) for served in servers]
        for _ in range(3):
            answers = await asyncio.gather(*(asks[n % 2]("GET", "/prompts") for n in range(20)))
            codes = [answer[0] for answer in answers]
            assert set(codes) <= {200, 429}
            assert codes.count(200) >= 2
    for served in servers:
        await becomes(200, served, key.value)


async def test_what_somebody_stores_is_limited_over_files_and_uploads(house: House) -> None:
    key = (await house.key("acme", "ann", limits=Limits(stored_bytes=100))).value
    bob = (await house.key("acme", "bob", limits=Limits(stored_bytes=100))).value
    house.access["share"] = [{"objects": ["files"], "with": "tenant"}]
    served = await house.serve()
    async with served.openai(api_key=key, max_retries=5) as ann:  # it is told not to retry, and would wait for minutes
        first = await ann.files.create(file=("a", b"x" * 60), purpose="user_data")
        with pytest.raises(openai.RateLimitError) as refusal:
            await ann.files.create(file=("b", b"x" * 41), purpose="user_data")
        assert (refusal.value.code, refusal.value.response.headers["retry-after"]) == ("insufficient_quota", "60")
        upload = await ann.uploads.create(filename="c", purpose="user_data", bytes=40, mime_type="text/plain")
        part = await ann.uploads.parts.create(upload.id, data=b"x" * 40)
        for data in (b"x", b"x" * 1000):
            with pytest.raises(openai.RateLimitError):
                await ann.uploads.parts.create(upload.id, data=data)
        done = await ann.uploads.complete(upload.id, part_ids=[part.id])
        assert done.file is not None
        assert done.file.bytes == 40
        with pytest.raises(openai.RateLimitError):
            await ann.files.create(file=("d", b"x"), purpose="user_data")
        await ann.files.delete(first.id)
        await ann.files.create(file=("e", b"x" * 60), purpose="user_data")
    async with served.openai(api_key=bob) as other:
        assert len((await other.files.list()).data) == 2, "what others share is not counted for them"
        await other.files.create(file=("f", b"x" * 100), purpose="user_data")


async def test_what_somebody_stores_is_limited_over_all_services_together(house: House) -> None:
    await house.upstream()
    key = (await house.key("acme", "ann", limits=Limits(stored_bytes=3000))).value
    served = await house.serve()
    text = "x" * 900
    async with client(served, key) as ask:
        prompt = (await ask("POST", "/prompts", {"prompt": text}))[1]["prompt_id"]
        conversation = (await ask("POST", "/conversations", {"items": [{"role": "user", "content": text}]}))[1]["id"]
        chat = {"model": "gpu0/kit-model", "messages": [{"role": "user", "content": "x" * 2000}]}
        here = f"/conversations/{conversation}"
        refused = (
            ("POST", "/prompts", {"prompt": "y" * 1200}),
            ("PUT", f"/prompts/{prompt}", {"prompt": "y" * 1200, "version": 1}),
            ("POST", f"{here}/items", {"items": [{"role": "user", "content": "y" * 1200}]}),
            ("POST", "/conversations", {"items": [{"role": "user", "content": "y" * 1200}]}),
            ("POST", here, {"metadata": {str(number): "y" * 500 for number in range(3)}}),
            ("POST", "/chat/completions", {**chat, "store": True}),
        )
        for method, path, body in refused:
            code, answer, _ = await ask(method, path, body)
            assert (code, answer["error"]["code"]) == (429, "insufficient_quota"), path
        assert (await ask("POST", "/chat/completions", chat))[0] == 200, "nothing is stored of it"
        async with served.openai(api_key=key) as ann:
            with pytest.raises(openai.RateLimitError):
                await ann.files.create(file=("a", b"x" * 1200), purpose="user_data")
            kept = await ann.files.create(file=("a", b"x" * 500), purpose="user_data")
            await ann.files.delete(kept.id)
        await ask("DELETE", f"/prompts/{prompt}")
        assert (await ask("POST", f"{here}/items", {"items": [{"role": "user", "content": "y" * 1200}]}))[0] == 200
        await ask("DELETE", here)
        assert (await ask("POST", "/prompts", {"prompt": "y" * 2990}))[0] == 200


async def test_a_caller_brings_its_own_upstream_key_where_it_may(house: House) -> None:
    upstream = await house.upstream()
    house.access["upstream_keys"] = True
    key = (await house.key()).value
    served = await house.serve()
    async with served.openai(api_key=key, default_headers={"x-dinrail-upstream-key": "sk-mine"}) as one:
        await one.chat.completions.create(model="gpu0/kit-model", messages=HELLO)
        assert upstream.credentials == "sk-mine"
    sent = str([received.request for received in upstream.received])
    assert key not in sent
    assert "x-dinrail-upstream-key" not in sent.lower()


# --- tokens


async def test_a_token_of_a_configured_issuer_is_as_good_as_a_key(house: House, issuer: Issuer) -> None:
    house.access["issuers"] = [{"issuer": issuer.url, "audience": [AUDIENCE]}]
    served = await house.serve()
    assert await status(served, None) == 401, "an issuer is identity, before there is any key"
    ann, bob = issuer.token(), issuer.token(sub="bob")
    async with client(served, ann) as ask:
        prompt = (await ask("POST", "/prompts", {"prompt": "Hi."}))[1]["prompt_id"]
    assert await status(served, issuer.token(jti="another"), "GET", f"/prompts/{prompt}") == 200
    assert await status(served, bob, "GET", f"/prompts/{prompt}") == 404
    assert await status(served, issuer.token(exp=int(time.time()) - 100)) == 401
    admin = issuer.token(sub="root", roles=["admin"])
    async with client(served, admin) as ask:
        made = (await ask("POST", "/admin/keys", {"tenant": "acme", "user": "ann"}))[1]["value"]
    assert await status(served, made, "GET", f"/prompts/{prompt}") == 200, "the same user, by key"


async def test_a_token_ends_when_it_says(house: House, issuer: Issuer) -> None:
    house.access["issuers"] = [{"issuer": issuer.url, "audience": [AUDIENCE], "leeway": 0}]
    served = await house.serve()
    token = issuer.token(exp=int(time.time()) + 2)
    assert await status(served, token) == 200
    assert await becomes(401, served, token) < 3


async def test_an_issuer_that_is_away_is_a_503(house: House, issuer: Issuer) -> None:
    issuer.up = False
    house.access["issuers"] = [{"issuer": issuer.url, "audience": [AUDIENCE]}]
    served = await house.serve()
    async with client(served, issuer.token()) as ask:
        code, body, headers = await ask("GET", "/prompts")
    assert (code, body["error"]["type"]) == (503, "service_unavailable_error")
    assert int(headers["retry-after"]) > 0


# --- a database that is away


async def test_known_keys_count_while_the_database_is_away_and_others_are_a_503(
    tmp_path: Path, own_postgresql: PostgreSQL
) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, {"services": {"database": {"url": own_postgresql.create()}}}, stack)
        await house.upstream()
        known, unknown = (await house.key()).value, (await house.key()).value
        served = await house.serve()
        assert await status(served, known, path="/models") == 200
        await asyncio.to_thread(own_postgresql.stop)
        begun = time.monotonic()
        while time.monotonic() - begun < 6:
            assert await status(served, known, path="/models") == 200, "longer than what is known stays fresh"
            await asyncio.sleep(0.2)
        assert await status(served, unknown, path="/models") == 503
        assert await status(served, None, path="/models") == 401
        # A server that starts now cannot know whether there are keys, and lets nobody in.
        late = await house.serve()
        assert await status(late, None, path="/models") == 503
        assert await status(late, known, path="/models") == 503
        await asyncio.to_thread(own_postgresql.start)
        await becomes(200, late, known)
        assert await status(late, None, path="/models") == 401
        assert await status(served, unknown, path="/models") == 200


async def test_a_server_that_has_seen_no_keys_goes_on_while_the_database_is_away(
    tmp_path: Path, own_postgresql: PostgreSQL
) -> None:
    async with AsyncExitStack() as stack:
        house = House(tmp_path, {"services": {"database": {"url": own_postgresql.create()}}}, stack)
        await house.upstream()
        served = await house.serve()
        await asyncio.to_thread(own_postgresql.stop)
        await asyncio.sleep(2.5)
        assert await status(served, None, path="/models") == 200
        house.access["api_keys"] = False
        late = await house.serve()
        assert await status(late, None, path="/models") == 200

"""Configured rules of sharing, through the real server."""

from __future__ import annotations

from typing import Any

from guarded import House, client, status
from issuer import AUDIENCE, Issuer


async def seen(served: Any, key: str) -> set[str]:
    """The prompts that a caller finds in its list."""
    async with client(served, key) as ask:
        return {prompt["prompt_id"] for prompt in (await ask("GET", "/prompts"))[1]["data"]}


async def test_by_default_nothing_is_shared_and_a_rule_shares_within_the_tenant(house: House) -> None:
    ann, bob = (await house.key("acme", "ann")).value, (await house.key("acme", "bob")).value
    eve = (await house.key("umbrella", "eve")).value
    plain = await house.serve()
    async with client(plain, ann) as ask:
        prompt = (await ask("POST", "/prompts", {"prompt": "Hi."}))[1]["prompt_id"]
    assert await seen(plain, bob) == set()
    house.access["share"] = [{"objects": ["prompts"], "with": "tenant"}]
    shared = await house.serve()
    assert await seen(shared, bob) == {prompt}
    assert await status(shared, bob, "GET", f"/prompts/{prompt}/versions") == 200, "its parts are shared with it"
    assert await seen(shared, eve) == set()
    assert await status(shared, eve, "GET", f"/prompts/{prompt}") == 404
    for method, body in (("PUT", {"prompt": "Mine.", "version": 1}), ("DELETE", None)):
        assert await status(shared, bob, method, f"/prompts/{prompt}", body) == 404, "seeing is not changing"
    assert await seen(shared, ann) == {prompt}


async def test_who_may_write_changes_what_stays_somebody_elses(house: House) -> None:
    house.access["share"] = [{"objects": ["prompts"], "with": "tenant", "to": ["editor"], "access": "write"}]
    ann, bob = (await house.key("acme", "ann")).value, (await house.key("acme", "bob", roles=["editor"])).value
    shared = await house.serve()
    async with client(shared, ann) as ask:
        prompt = (await ask("POST", "/prompts", {"prompt": "Hi."}))[1]["prompt_id"]
    assert await status(shared, bob, "PUT", f"/prompts/{prompt}", {"prompt": "Better.", "version": 1}) == 200
    house.access["share"] = []
    plain = await house.serve()
    async with client(plain, ann) as ask:
        code, body, _ = await ask("GET", f"/prompts/{prompt}")
        assert (code, body["prompt"], body["version"]) == (200, "Better.", 2), "the new version is ann's too"
    assert await status(plain, bob, "GET", f"/prompts/{prompt}") == 404
    assert await status(plain, bob, "GET", f"/prompts/{prompt}?version=2") == 404


async def test_a_team_shares_what_its_members_make_while_the_rule_stands(house: House, issuer: Issuer) -> None:
    house.access["issuers"] = [{"issuer": issuer.url, "audience": [AUDIENCE], "attribute_claims": {"team": "teams"}}]
    early = await house.serve()
    ann, bob, joe = (
        issuer.token(sub=name, teams=team) for name, team in (("ann", "red blue"), ("bob", "red"), ("joe", "green"))
    )
    async with client(early, ann) as ask:
        before = (await ask("POST", "/prompts", {"prompt": "Before."}))[1]["prompt_id"]
    house.access["share"] = [{"objects": ["prompts"], "with": "role:team:*"}]
    served = await house.serve()
    async with client(served, ann) as ask:
        prompt = (await ask("POST", "/prompts", {"prompt": "Ours."}))[1]["prompt_id"]
    assert await seen(served, ann) == {before, prompt}
    assert await seen(served, bob) == {prompt}
    assert await seen(served, joe) == set()
    assert await seen(served, issuer.token(sub="bob", teams="RED")) == set()
    assert await seen(served, issuer.token(sub="bob")) == set(), "who has left the team sees it no more"
    assert await seen(served, issuer.token(sub="bob", tenant="umbrella", teams="red")) == set()

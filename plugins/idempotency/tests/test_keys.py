"""The contract ``IdempotencyKeys``, over both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.idempotency import Claim, IdempotencyKeys, Kept
from dinrail_core.errors import Conflict, KeyReused, NotFound
from dinrail_core.hooks import Rail
from dinrail_idempotency.service import CLAIM_SECONDS, KEPT_SECONDS, StoredKeys
from dinrail_idempotency.tables import KEYS
from dinrail_sdk.sql.contract import Database
from dinrail_sdk.testing import open_rail
from dinrail_sdk.testing.periodic import look_now

ANN = Call(Principal("acme", "ann"), "req_1")
STRANGERS = [Call(Principal("acme", "bob")), Call(Principal("evil", "ann")), Call(Principal("acme"))]
ANSWER = Kept(200, b'{"id": "thing_1", "a": "\xc3\xa9"}', "application/json", "/v1/things")


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def rail(config: dict[str, Any]) -> AsyncIterator[Rail]:
    async with open_rail(plugins=("database", "idempotency", "jobs"), config=config) as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def keys(rail: Rail, clock: Clock) -> IdempotencyKeys:
    return StoredKeys(await rail.service(Database), clock)


async def claimed(keys: IdempotencyKeys, key: str = "k", fingerprint: bytes | None = b"f", call: Call = ANN) -> Claim:
    found = await keys.claim(key, fingerprint, call)
    assert isinstance(found, Claim)
    return found


async def test_the_first_answer_is_given_again(keys: IdempotencyKeys) -> None:
    await keys.keep(await claimed(keys), ANSWER)
    for _ in range(2):
        assert await keys.claim("k", b"f", ANN) == ANSWER


async def test_a_claim_hands_on_the_call_with_a_seed(keys: IdempotencyKeys) -> None:
    claim = await claimed(keys)
    assert claim.call.seed is not None
    assert len(claim.call.seed) == 48
    assert replace(claim.call, seed=None) == ANN
    assert (await claimed(keys, "other")).call.seed != claim.call.seed


async def test_another_request_with_the_same_key_is_refused_whether_answered_or_not(keys: IdempotencyKeys) -> None:
    claim = await claimed(keys)
    with pytest.raises(KeyReused):
        await keys.claim("k", b"other", ANN)
    await keys.keep(claim, ANSWER)
    with pytest.raises(KeyReused):
        await keys.claim("k", b"other", ANN)


async def test_a_request_that_is_under_way_is_a_conflict(keys: IdempotencyKeys) -> None:
    await claimed(keys)
    with pytest.raises(Conflict) as caught:
        await keys.claim("k", b"f", ANN)
    assert caught.value.code == "idempotency_in_progress"


async def test_of_many_that_come_at_once_exactly_one_claims(keys: IdempotencyKeys) -> None:
    outcomes = await asyncio.gather(*(keys.claim("k", b"f", ANN) for _ in range(20)), return_exceptions=True)
    assert sum(isinstance(outcome, Claim) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 19


async def test_a_key_is_another_one_for_every_caller(keys: IdempotencyKeys) -> None:
    await keys.keep(await claimed(keys), ANSWER)
    for stranger in STRANGERS:
        await claimed(keys, call=stranger, fingerprint=b"other")


async def test_a_claim_of_a_try_that_died_is_taken_over_with_the_same_seed(keys: IdempotencyKeys, clock: Clock) -> None:
    first = await claimed(keys)
    clock.now += CLAIM_SECONDS - 0.1
    with pytest.raises(Conflict):
        await keys.claim("k", b"f", ANN)
    clock.now += 0.2
    second = await claimed(keys)
    assert (second.call.seed, second.token != first.token) == (first.call.seed, True)
    # The first was slow, and not dead: what it says does not count any more.
    await keys.keep(first, replace(ANSWER, body=b"{}"))
    await keys.renew(first)
    await keys.release(first, begun=False)
    with pytest.raises(Conflict):
        await keys.claim("k", b"f", ANN)
    await keys.keep(second, ANSWER)
    assert await keys.claim("k", b"f", ANN) == ANSWER


async def test_a_claim_that_is_renewed_is_kept(keys: IdempotencyKeys, clock: Clock) -> None:
    claim = await claimed(keys)
    for _ in range(5):
        clock.now += CLAIM_SECONDS - 1
        await keys.renew(claim)
        with pytest.raises(Conflict):
            await keys.claim("k", b"f", ANN)


async def test_a_try_that_may_have_made_something_leaves_its_seed_to_the_next(keys: IdempotencyKeys) -> None:
    first = await claimed(keys)
    await keys.release(first, begun=True)
    with pytest.raises(KeyReused):
        await keys.claim("k", b"other", ANN)
    assert (await claimed(keys)).call.seed == first.call.seed


async def test_a_try_that_made_nothing_leaves_the_key_free(keys: IdempotencyKeys) -> None:
    first = await claimed(keys)
    await keys.release(first, begun=False)
    assert (await claimed(keys, fingerprint=b"other")).call.seed != first.call.seed


async def test_a_try_that_made_nothing_says_nothing_about_those_before_it(keys: IdempotencyKeys) -> None:
    first = await claimed(keys)
    await keys.release(first, begun=True)
    second = await claimed(keys)
    assert (first.again, second.again) == (False, True)
    await keys.release(second, begun=False)
    with pytest.raises(KeyReused):
        await keys.claim("k", b"other", ANN)
    assert (await claimed(keys)).call.seed == first.call.seed


async def test_what_a_request_was_may_be_said_when_its_body_has_come(keys: IdempotencyKeys) -> None:
    first = await claimed(keys, fingerprint=None)
    await keys.identify(first, b"f")
    await keys.release(first, begun=True)
    other = await claimed(keys, fingerprint=None)
    with pytest.raises(KeyReused):
        await keys.identify(other, b"other")
    await keys.release(other, begun=False)
    again = await claimed(keys, fingerprint=None)
    await keys.identify(again, b"f")
    assert again.call.seed == first.call.seed
    await keys.keep(again, ANSWER)
    assert await keys.claim("k", None, ANN) == await keys.claim("k", b"f", ANN) == ANSWER
    with pytest.raises(KeyReused):
        await keys.claim("k", b"other", ANN)


async def test_a_try_that_died_before_its_body_had_come_may_have_been_any_request(
    keys: IdempotencyKeys, clock: Clock
) -> None:
    first = await claimed(keys, fingerprint=None)
    with pytest.raises(KeyReused):
        await keys.claim("k", b"f", ANN)  # one whose body is known at once is none whose body is still to come
    clock.now += CLAIM_SECONDS + 1
    second = await claimed(keys, fingerprint=None)
    await keys.identify(second, b"f")
    with pytest.raises(Conflict):
        await keys.identify(first, b"f")  # it was slow, and not dead: it must not make anything any more


async def test_an_answer_is_kept_for_24_hours(keys: IdempotencyKeys, clock: Clock) -> None:
    await keys.keep(await claimed(keys), ANSWER)
    clock.now += KEPT_SECONDS - 1
    assert await keys.claim("k", b"f", ANN) == ANSWER
    clock.now += 2
    await claimed(keys, fingerprint=b"other")


async def test_an_answer_survives_a_restart(config: dict[str, Any]) -> None:
    async with open_rail(plugins=("database", "idempotency", "jobs"), config=config) as rail:
        keys = await rail.service(IdempotencyKeys)
        await keys.keep(await claimed(keys), ANSWER)
    async with open_rail(plugins=("database", "idempotency", "jobs"), config=config) as rail:
        assert await (await rail.service(IdempotencyKeys)).claim("k", b"f", ANN) == ANSWER


async def test_expired_keys_of_every_caller_are_removed(rail: Rail) -> None:
    database = await rail.service(Database)
    old = Clock()
    old.now = 1_000.0
    expired, current = StoredKeys(database, old), StoredKeys(database)
    for call in (ANN, *STRANGERS):
        await expired.keep(await claimed(expired, call=call), ANSWER)
        await current.keep(await claimed(current, "new", call=call), ANSWER)

    def count(connection: Any) -> int:
        return int(connection.execute(select(func.count()).select_from(KEYS)).scalar_one())

    await look_now(rail, "idempotency-sweep")
    assert await database.sweep(count) == 4
    assert not await look_now(rail, "idempotency-sweep")
    assert await current.claim("new", b"f", ANN) == ANSWER


async def test_an_answer_is_forgotten_with_what_it_told_of(rail: Rail, keys: IdempotencyKeys) -> None:
    listed = replace(ANSWER, body=b'{"data": [{"id": "part_1"}]}', path="/v1/things/thing_1/parts")
    other = replace(ANSWER, path="/v1/others")
    for key, answer in (("one", ANSWER), ("list", listed), ("other", other)):
        await keys.keep(await claimed(keys, key), answer)
    await keys.forget("/v1/things/thing_1/parts/part", ANN)
    for stranger in STRANGERS:
        await keys.forget("/v1/things/thing_1", stranger)
    assert [await keys.claim(key, b"f", ANN) for key in ("one", "list")] == [ANSWER, listed]
    await keys.forget("/v1/things/thing_1", ANN)
    for key in ("one", "list"):
        with pytest.raises(NotFound):
            await keys.claim(key, b"f", ANN)
    assert await keys.claim("other", b"f", ANN) == other
    database = await rail.service(Database)
    bodies = await database.sweep(lambda connection: connection.execute(select(KEYS.c.body)).scalars().all())
    assert sorted(body or b"" for body in bodies) == [b"", b"", other.body]

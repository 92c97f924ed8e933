"""Requests and tokens per minute, and requests at once."""

from __future__ import annotations

import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_access import slots
from dinrail_access.buckets import Account, Draw, Ledger, MemoryLedger, draw, duration
from dinrail_access.meter import Meters
from dinrail_access.slots import Slots
from dinrail_core.errors import RateLimited, Unavailable

# --- a bucket's arithmetic


@given(
    st.integers(1, 10_000),
    st.lists(st.tuples(st.floats(0, 90), st.floats(0, 20_000)), min_size=1, max_size=40),
)
def test_no_stretch_of_time_gives_more_than_a_full_bucket_and_what_flows_in(
    limit: int, steps: list[tuple[float, float]]
) -> None:
    level, filled_at, now = float(limit), 0.0, 0.0
    grants: list[tuple[float, float]] = []
    for pause, wanted in steps:
        now += pause
        drawn = draw(level, filled_at, now, limit, wanted)
        assert 0 <= drawn.granted <= wanted
        assert -1e-6 <= drawn.level <= limit
        level, filled_at = drawn.level, now
        grants.append((now, drawn.granted))
    for first, (begin, _) in enumerate(grants):
        total = 0.0
        for moment, granted in grants[first:]:
            total += granted
            assert total <= limit + (moment - begin) * limit / 60 + 1e-6 * limit


@given(st.integers(1, 1000), st.floats(0, 1000), st.floats(0, 1e9), st.floats(0, 1e9))
def test_a_clock_that_goes_back_fills_nothing(limit: int, level: float, filled_at: float, back: float) -> None:
    assert draw(min(level, limit), filled_at, filled_at - back, limit, 0).level == min(level, limit)


def test_an_empty_bucket_is_full_a_minute_later() -> None:
    assert draw(0, 0, 60, 30, 100) == Draw(30, 0)
    assert draw(0, 0, 2, 30, 100) == Draw(1, 0)


# --- what a process draws


class CountingLedger(MemoryLedger):
    """Counts who asks."""

    def __init__(self) -> None:
        super().__init__()
        self.draws = 0
        self.wanted: list[float] = []
        self.broken = False

    async def draw(self, bucket: str, limit: int, wanted: float, *, owing: bool = False) -> Draw:
        self.draws += 1
        self.wanted.append(wanted)
        await asyncio.sleep(0)
        if self.broken:
            raise Unavailable("The ledger is down.")
        return await super().draw(bucket, limit, wanted)


async def takes(account: Account, times: int) -> int:
    """How many of so many requests are let in."""
    taken = 0
    for _ in range(times):
        try:
            await account.take()
        except RateLimited:
            continue
        taken += 1
    return taken


@pytest.mark.parametrize("limit", [1, 2, 5, 60, 200])
async def test_as_many_requests_come_in_as_a_minute_allows(limit: int) -> None:
    account = Account(MemoryLedger(), "a", limit, "requests")
    begun = time.monotonic()
    taken = await takes(account, limit * 2)
    assert limit <= taken <= limit + (time.monotonic() - begun) * limit / 60 + 1
    await takes(account, 2)
    with pytest.raises(RateLimited, match=f"{limit} requests per minute") as refusal:
        await account.take()
    assert 0 < (refusal.value.retry_after or 0) <= 60 / limit + 0.1


@pytest.mark.parametrize("processes", [2, 5])
async def test_processes_share_what_a_minute_allows(processes: int) -> None:
    ledger, limit = MemoryLedger(), 100
    accounts = [Account(ledger, "a", limit, "requests") for _ in range(processes)]
    begun = time.monotonic()
    taken = sum(await asyncio.gather(*(takes(account, limit) for account in accounts)))
    assert taken <= limit + (time.monotonic() - begun) * limit / 60 + 1
    assert taken >= limit - processes * limit / 10, "little lies unused in any of them"


async def test_requests_at_once_are_counted_once_each() -> None:
    ledger = CountingLedger()
    account = Account(ledger, "a", 50, "requests")
    outcomes = await asyncio.gather(*(account.take() for _ in range(80)), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) in (50, 51)
    assert ledger.draws < 10, "they share drawings"


async def test_few_requests_wait_for_the_ledger() -> None:
    ledger = CountingLedger()
    account = Account(ledger, "a", 100_000, "requests")
    assert await takes(account, 5000) == 5000
    await account.close()
    assert ledger.draws < 30
    assert ledger.wanted[0] == 1, "who comes rarely sets little aside"


async def test_a_request_that_is_given_back_can_be_made_again() -> None:
    account = Account(MemoryLedger(), "a", 1, "requests")
    await account.take()
    account.give_back()
    await account.take()
    with pytest.raises(RateLimited):
        await account.take()


async def test_tokens_are_charged_afterwards_and_a_debt_is_waited_off() -> None:
    account = Account(MemoryLedger(), "a", 600, "tokens")
    await account.take(0)
    account.charge(650)
    with pytest.raises(RateLimited, match="600 tokens per minute") as refusal:
        await account.take(0)
    assert 4.5 < (refusal.value.retry_after or 0) < 6, "50 tokens of debt flow in within five seconds"
    assert account.remaining == 0


async def test_what_work_behind_requests_took_is_owed_by_all_processes() -> None:
    ledger = MemoryLedger()
    works, serves = (Account(ledger, "a", 600, "tokens") for _ in range(2))
    await works.take(0)
    await works.owe(650)
    with pytest.raises(RateLimited) as refusal:
        await serves.take(0)
    assert 4.5 < (refusal.value.retry_after or 0) < 6, "what is missing flows in within five seconds"
    await works.owe(600)
    with pytest.raises(RateLimited) as refusal:
        await works.take(0)
    assert 64 < (refusal.value.retry_after or 0) < 66


async def test_processes_share_tokens_too() -> None:
    ledger, limit, each = MemoryLedger(), 600, 50
    accounts = [Account(ledger, "a", limit, "tokens") for _ in range(3)]
    begun = time.monotonic()
    served = 0
    for _ in range(20):
        for account in accounts:
            try:
                await account.take(0)
            except RateLimited:
                continue
            account.charge(each)
            served += 1
    flowed = (time.monotonic() - begun) * limit / 60
    assert limit - each <= served * each <= limit + flowed + each * len(accounts), "each may go beyond once"


async def test_while_the_ledger_is_down_each_process_keeps_the_limit_for_itself() -> None:
    ledger = CountingLedger()
    ledger.broken = True
    account = Account(ledger, "a", 20, "requests")
    assert await takes(account, 30) == 20
    assert ledger.draws == 1, "a ledger that is down is not asked by every request"


async def test_what_is_left_and_when_all_is_back() -> None:
    account = Account(MemoryLedger(), "a", 60, "requests")
    assert (account.remaining, account.reset) == (60, 0.0)
    for _ in range(15):
        await account.take()
    assert account.remaining == 45
    assert 14 <= account.reset <= 15


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0123, "12ms"), (1, "1s"), (1.5, "1.5s"), (59.25, "59.25s"), (360, "6m0s"), (3723, "1h2m3s")],
)
def test_times_are_written_as_openai_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


# --- at once


class SharedSlots(MemoryLedger):
    """Slots of several processes, in one."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, int] = {}
        self.asked = 0

    async def hold(self, bucket: str, holder: str, limit: int, wanted: int) -> tuple[int, int]:
        self.asked += 1
        await asyncio.sleep(0)
        others = sum(count for name, count in self.held.items() if name != holder)
        self.held[holder] = max(0, min(wanted, limit - others))
        assert sum(self.held.values()) <= limit
        return self.held[holder], others


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_SECOND_TRY", 0.02)
    monkeypatch.setattr(slots, "_LINGER", 0.01)


async def test_there_are_never_more_requests_at_once_than_may_be_in_all_processes() -> None:
    ledger, limit = SharedSlots(), 3
    processes = [Slots(ledger, "a", name, limit) for name in ("one", "two", "three")]
    inside = most = served = 0

    async def request(process: Slots) -> None:
        nonlocal inside, most, served
        try:
            await process.enter()
        except RateLimited:
            return
        inside, served = inside + 1, served + 1
        most = max(most, inside)
        await asyncio.sleep(0.002)
        inside -= 1
        process.leave()

    for _ in range(20):
        await asyncio.gather(*(request(process) for process in processes for _ in range(3)))
    assert most == limit
    assert served >= 20 * limit
    for process in processes:
        await process.close()
    assert sum(ledger.held.values()) == 0


async def test_a_caller_who_asks_again_and_again_does_not_wait_for_the_ledger() -> None:
    ledger = SharedSlots()
    process = Slots(ledger, "a", "one", 8)
    for _ in range(500):
        await process.enter()
        process.leave()
    assert ledger.asked < 5
    await process.close()


async def test_room_that_is_not_used_is_given_back_for_others() -> None:
    ledger = SharedSlots()
    one, two = Slots(ledger, "a", "one", 1), Slots(ledger, "a", "two", 1)
    await one.enter()
    with pytest.raises(RateLimited):
        await two.enter()
    one.leave()
    await two.enter()
    two.leave()
    await one.close()
    await two.close()


async def test_while_the_ledger_is_down_each_process_counts_for_itself() -> None:
    class Broken(Ledger):
        async def draw(self, bucket: str, limit: int, wanted: float, *, owing: bool = False) -> Draw:
            raise Unavailable("down")

        async def hold(self, bucket: str, holder: str, limit: int, wanted: int) -> tuple[int, int]:
            raise Unavailable("down")

    process = Slots(Broken(), "a", "one", 2)
    await process.enter()
    await process.enter()
    with pytest.raises(RateLimited):
        await process.enter()
    process.leave()
    process.leave()
    await process.close()


# --- meters


async def test_a_caller_has_one_meter_however_often_it_is_looked_up() -> None:
    meters = Meters(MemoryLedger(), "p")
    limits = {"requests_per_minute": 2, "stored_bytes": 5}
    first = meters.of("key_1", limits)
    assert first is not None
    assert meters.of("key_1", dict(reversed(limits.items()))) is first
    assert meters.of("key_2", limits) is not first
    assert meters.of("key_3", {"stored_bytes": 5}) is None
    await meters.close()


async def test_a_request_that_finds_no_room_is_not_counted_as_one() -> None:
    meters = Meters(MemoryLedger(), "p")
    meter = meters.of("key_1", {"requests_per_minute": 2, "concurrent_requests": 1, "tokens_per_minute": 100})
    assert meter is not None
    await meter.enter()
    with pytest.raises(RateLimited, match="same time"):
        await meter.enter()
    meter.leave(30)
    await meter.enter()
    meter.leave(0)
    with pytest.raises(RateLimited, match="requests per minute"):
        await meter.enter()
    assert dict(meter.headers()) | {"x-ratelimit-reset-requests": "", "x-ratelimit-reset-tokens": ""} == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "",
        "x-ratelimit-limit-tokens": "100",
        "x-ratelimit-remaining-tokens": "70",
        "x-ratelimit-reset-tokens": "",
    }
    await meters.close()

"""What one caller uses, against what it may use."""

from __future__ import annotations

from collections.abc import Mapping

from dinrail_access.buckets import Account, Ledger, duration
from dinrail_access.slots import Slots
from dinrail_core.api.access import Meter

__all__ = ["CallerMeter", "Meters"]

_MOST = 20_000


class CallerMeter(Meter):
    """Counts one caller's requests, tokens and requests under way.

    Args:
        requests: Requests per minute, where limited.
        tokens: Tokens per minute, where limited.
        slots: Requests at once, where limited.
    """

    def __init__(self, requests: Account | None, tokens: Account | None, slots: Slots | None) -> None:
        self._requests = requests
        self._tokens = tokens
        self._slots = slots

    @property
    def counts_tokens(self) -> bool:
        return self._tokens is not None

    async def enter(self) -> None:
        if self._tokens is not None:
            await self._tokens.take(0)
        if self._requests is not None:
            await self._requests.take()
        if self._slots is not None:
            try:
                await self._slots.enter()
            except BaseException:
                if self._requests is not None:
                    self._requests.give_back()
                raise

    def leave(self, tokens: int) -> None:
        if self._slots is not None:
            self._slots.leave()
        if self._tokens is not None and tokens > 0:
            self._tokens.charge(tokens)

    async def owe(self, tokens: int) -> None:
        """Charge tokens that work behind a request took, whatever process did it."""
        if self._tokens is not None and tokens > 0:
            await self._tokens.owe(tokens)

    def headers(self) -> Mapping[str, str]:
        found = {}
        for name, account in (("requests", self._requests), ("tokens", self._tokens)):
            if account is not None:
                found[f"x-ratelimit-limit-{name}"] = str(account.limit)
                found[f"x-ratelimit-remaining-{name}"] = str(account.remaining)
                found[f"x-ratelimit-reset-{name}"] = duration(account.reset)
        return found

    async def close(self) -> None:
        """Draw nothing more, and give back what was set aside."""
        for part in (self._requests, self._tokens, self._slots):
            if part is not None:
                await part.close()


class Meters:
    """The meters of all callers whose use is limited.

    Args:
        ledger: What processes share.
        process: This process, in a word that no other has.
    """

    def __init__(self, ledger: Ledger, process: str) -> None:
        self._ledger = ledger
        self._process = process
        self._meters: dict[tuple[str, tuple[tuple[str, int], ...]], CallerMeter] = {}

    def of(self, caller: str, limits: Mapping[str, int]) -> CallerMeter | None:
        """The meter of a caller, the same every time; ``None`` where nothing is limited.

        Args:
            caller: What is counted together, in at most 100 characters.
            limits: What is limited, by the names of :data:`~dinrail_access.policy.LIMITS`.
        """
        requests, tokens = limits.get("requests_per_minute"), limits.get("tokens_per_minute")
        concurrent = limits.get("concurrent_requests")
        if requests is None and tokens is None and concurrent is None:
            return None
        key = (caller, tuple(sorted(limits.items())))
        found = self._meters.get(key)
        if found is None:
            found = CallerMeter(
                None if requests is None else Account(self._ledger, f"{caller}:requests", requests, "requests"),
                None if tokens is None else Account(self._ledger, f"{caller}:tokens", tokens, "tokens"),
                None if concurrent is None else Slots(self._ledger, f"{caller}:slots", self._process, concurrent),
            )
            if len(self._meters) >= _MOST:  # the one that is known the longest; what it has drawn is lost, no more
                self._meters.pop(next(iter(self._meters)))
            self._meters[key] = found
        return found

    async def close(self) -> None:
        """Give back what was set aside."""
        for meter in self._meters.values():
            await meter.close()

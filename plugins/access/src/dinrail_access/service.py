"""Knowing callers: by API key, by bearer token, or by being alone on their machine."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dinrail_access.audit import AuditLog
from dinrail_access.config import AccessConfig
from dinrail_access.credentials import KEY_ID, OTHER_HEADER, bearer, digest, is_key, is_sound
from dinrail_access.lazy import LazyLedger
from dinrail_access.meter import Meters
from dinrail_access.policy import limits_of, policy_of, shares_of
from dinrail_core.api.access import Access, AuditEvent, Authenticator, Meter, Policy
from dinrail_core.api.call import LOCAL, Principal
from dinrail_core.errors import DinrailError, Unauthenticated, Unavailable
from dinrail_core.hooks import Context
from dinrail_sdk.sql.contract import Database

if TYPE_CHECKING:
    from dinrail_access.jwks import IssuerKeys
    from dinrail_access.keys import KeyStore
    from dinrail_access.tokens import TokenReader

__all__ = ["AccessService", "key_store_class", "open_access"]

_LOG = logging.getLogger("dinrail.access")

_FRESH = 3.0
"""Seconds after which a caller is looked up again behind its requests."""
_STALE = 4.5
"""Seconds after which a request waits for that: a key that was taken back works no longer than this."""
_REFUSED = 1.0
"""Seconds for which an unknown key is not looked up again."""
_LOOK = 2.0
"""Seconds between two looks for the first key."""
_RETRY = 2.0
"""Seconds between two tries of a database that cannot be reached."""
_PATIENCE = 5.0
"""Seconds for which the start, and whoever wants to know, wait for the database to say whether there are keys."""
_SOON = 0.5
"""Seconds between two looks that requests wait for, while it is not known whether there are keys."""
_MOST = 10_000


@dataclass(slots=True)
class _Known:
    """What is known of a credential.

    Attributes:
        access: The caller; ``None`` for a credential that was refused.
        seen_at: When it was looked up (:func:`time.monotonic`).
        confirmed_at: When the database or the token itself said so; an outage leaves it as it is.
        until: When the credential ends by itself (:func:`time.time`).
    """

    access: Access | None
    seen_at: float
    confirmed_at: float
    until: float


class AccessService(Authenticator):
    """Says who calls.

    Args:
        config: ``[services.access]``.
        context: Where the database is found, once there are keys.
        tokens: Checks bearer tokens, where issuers are configured.
        meters: Count what callers use.
        audit: Where events go, where they are wanted.
    """

    def __init__(
        self,
        config: AccessConfig,
        context: Context,
        tokens: TokenReader | None,
        meters: Meters,
        audit: AuditLog | None,
    ) -> None:
        self.required = tokens is not None
        self.upstream_keys = config.upstream_keys
        self._config = config
        self._rail = context.rail
        self._tokens = tokens
        self._meters = meters
        self._audit = audit
        self._keys: KeyStore | None = None
        self._known: dict[str, _Known] = {}
        self._looks: dict[str, asyncio.Task[Access]] = {}
        self._policies: dict[Principal, Policy] = {}
        self._unsure = False
        self._looked_at = float("-inf")

    # --- whether anybody has to say who it is

    async def look_for_keys(self) -> None:
        """See whether there are keys; where that cannot be told, nobody is let in without showing one.

        A key that was taken back counts too: a server must not open itself to everybody because its last key was lost.
        """
        if self.required and not self._unsure:
            return
        self._looked_at = time.monotonic()
        try:
            if not self._rail.in_use(Database):
                self._settle(self._unsure)
                return
            async with asyncio.timeout(_PATIENCE):
                found = await (await self._key_store()).any()
        except (DinrailError, TimeoutError) as error:
            if not self.required:
                # A server that has seen that there are none goes on: while the database is down, none are made.
                _LOG.warning("whether there are API keys cannot be told (%s)", str(error) or "it took too long")
            return
        self._settle(found)

    def _settle(self, required: bool) -> None:
        self.required = required or self._tokens is not None
        self._unsure = False

    async def begin(self) -> None:
        """Find out before the first request."""
        if not self._config.api_keys or self._tokens is not None:
            return
        if self._rail.in_use(Database):
            self.required = self._unsure = True
            await self.look_for_keys()

    async def watch(self) -> None:
        """Notice the first key within seconds, whichever process makes it."""
        while not self.required or self._unsure:
            await asyncio.sleep(_LOOK)
            try:
                await self.look_for_keys()
            except Exception:  # whatever a database's plugin raises: who stops looking leaves the server open
                _LOG.exception("looking for API keys failed")

    # --- who it is

    def recall(self, headers: Mapping[str, str]) -> Access | None:
        given = headers.get("Authorization")
        shown = headers.get(OTHER_HEADER) if given is None else given[7:] if given[:7] == "Bearer " else None
        if not shown:
            return None
        name = digest(shown)
        known = self._known.get(name)
        if known is None or known.access is None:
            return None
        age = time.monotonic() - known.seen_at
        if age > _STALE or time.time() >= known.until:
            return None
        if age > _FRESH:
            _ = self._look_up(name, shown)
        return known.access

    async def identify(self, headers: Mapping[str, str]) -> Access:
        if self._unsure:
            await self._make_sure()
            if not self.required:
                return Access(LOCAL, "local", self.policy(LOCAL))
        credential = bearer(headers)
        name = digest(credential)
        known = self._known.get(name)
        if known is not None and known.access is None and time.monotonic() - known.seen_at < _REFUSED:
            raise _unknown_key()
        return await asyncio.shield(self._look_up(name, credential))

    def policy(self, principal: Principal) -> Policy:
        found = self._policies.get(principal)
        if found is None:
            found = policy_of(self._config.rules, principal)
            if len(self._policies) >= _MOST:
                self._policies.clear()
            self._policies[principal] = found
        return found

    def meter(self, principal: Principal) -> Meter | None:
        who = digest(f"{principal.tenant},{principal.user or ''}")
        return self._meters.of(f"work_{who}", limits_of(self._config.limits, principal))

    async def charge(self, principal: Principal, credential: str, tokens: int) -> None:
        if not credential.startswith(KEY_ID):
            meter = self._meters.of(_caller(principal, credential), limits_of(self._config.limits, principal))
        elif (row := await (await self._key_store()).by_id(credential)) is not None:
            limits = {**limits_of(self._config.limits, _whose(row)), **row["limits"]}
            meter = self._meters.of(credential, limits)
        else:
            return  # the key is forgotten, and its limits with it
        if meter is not None:
            await meter.owe(tokens)

    def record(self, event: AuditEvent) -> None:
        if self._audit is not None:
            self._audit.record(event)

    async def close(self) -> None:
        """Look nothing up any more."""
        for task in list(self._looks.values()):
            task.cancel()
        if self._looks:
            await asyncio.wait(self._looks.values())

    async def _make_sure(self) -> None:
        if time.monotonic() - self._looked_at > _SOON:
            await self.look_for_keys()
        if self._unsure:
            raise Unavailable("Who calls cannot be told at present.", retry_after=_RETRY)

    def _look_up(self, name: str, credential: str) -> asyncio.Task[Access]:
        """Look a credential up; requests that need it at once share one look."""
        task = self._looks.get(name)
        if task is None:
            task = asyncio.create_task(self._find(name, credential), name="dinrail-identify")
            self._looks[name] = task
            task.add_done_callback(lambda done: self._forget(name, done))
        return task

    def _forget(self, name: str, task: asyncio.Task[Access]) -> None:
        self._looks.pop(name, None)
        if not task.cancelled():
            task.exception()  # whoever waited has been told; behind a request, nobody needs to be

    async def _find(self, name: str, credential: str) -> Access:
        now = time.monotonic()
        try:
            access, until = await (self._by_key(name, credential) if is_key(credential) else self._by_token(credential))
        except Unauthenticated:
            self._remember(name, _Known(None, now, now, 0.0))
            raise
        except Unavailable:
            known = self._known.get(name)
            if (
                known is None
                or known.access is None
                or time.time() >= known.until
                or now - known.confirmed_at > self._config.outage_grace
            ):
                raise
            known.seen_at = time.monotonic()
            return known.access
        self._remember(name, _Known(access, now, now, until))
        return access

    def _remember(self, name: str, known: _Known) -> None:
        self._known.pop(name, None)
        if len(self._known) >= _MOST:
            self._known.pop(next(iter(self._known)))
        self._known[name] = known

    async def _by_key(self, name: str, key: str) -> tuple[Access, float]:
        if not is_sound(key):
            raise Unauthenticated("This is no API key: a character is wrong, or some are missing.")
        if not self._config.api_keys:
            raise Unauthenticated("This server takes no API keys.")
        row = await (await self._key_store()).find(name)
        if row is None:
            raise _unknown_key()
        access = self._access(_whose(row), row["id"], row["id"], row["limits"])
        expires_at = row["expires_at"]
        return access, float("inf") if expires_at is None else float(expires_at)

    async def _by_token(self, credential: str) -> tuple[Access, float]:
        if self._tokens is None:
            raise _unknown_key()
        token = await self._tokens.read(credential)
        caller = _caller(token.principal, token.credential)
        return self._access(token.principal, token.credential, caller, {}), token.expires_at

    def _access(self, who: Principal, credential: str, caller: str, own: Mapping[str, int]) -> Access:
        limits = {**limits_of(self._config.limits, who), **own}
        principal = Principal(who.tenant, who.user, who.roles, shares_of(self._config.share, who))
        return Access(
            principal, credential, self.policy(who), self._meters.of(caller, limits), limits.get("stored_bytes")
        )

    async def _key_store(self) -> KeyStore:
        if self._keys is None:
            database = await self._rail.service(Database)
            kind = await asyncio.to_thread(key_store_class)
            self._keys = kind(database)  # of two that came at once, either will do
        return self._keys


def key_store_class() -> type[KeyStore]:
    """The implementation; importing it brings SQLAlchemy, which takes too long for the event loop."""
    from dinrail_access.keys import KeyStore

    return KeyStore


def _whose(row: Mapping[Any, Any]) -> Principal:
    return Principal(row["for_tenant"], row["for_user"], frozenset(row["roles"]))


def _caller(principal: Principal, credential: str) -> str:
    """What is counted together of those who show tokens."""
    return f"token_{digest(f'{principal.tenant} {credential}')}"


def _unknown_key() -> Unauthenticated:
    return Unauthenticated("The API key is not known: it is wrong, has expired, or was taken back.")


@asynccontextmanager
async def open_access(config: AccessConfig, context: Context) -> AsyncIterator[AccessService]:
    """Open the service, and keep looking for the first key while there is none.

    Args:
        config: ``[services.access]``.
        context: Of the service.
    """
    audit = _audit_log(config, context)
    tokens, close_tokens = await _token_reader(config)
    meters = Meters(LazyLedger(context.rail), f"{os.getpid()}-{os.urandom(6).hex()}")
    service = AccessService(config, context, tokens, meters, audit)
    watch: asyncio.Task[None] | None = None
    try:
        if context.serving:
            await service.begin()
            if config.api_keys:
                watch = asyncio.create_task(service.watch(), name="dinrail-keys-watch")
        yield service
    finally:
        if watch is not None:
            watch.cancel()
            await asyncio.wait({watch})
        await service.close()
        await meters.close()
        await close_tokens()
        if audit is not None:
            await asyncio.to_thread(audit.close)


def _audit_log(config: AccessConfig, context: Context) -> AuditLog | None:
    if config.audit == "off" or not context.serving:
        return None
    if config.audit == "stderr":
        return AuditLog(None)
    return AuditLog(config.audit_file or context.data_dir / "audit.jsonl")


async def _token_reader(config: AccessConfig) -> tuple[TokenReader | None, Callable[[], Awaitable[None]]]:
    if not config.issuers:
        return None, _nothing
    keys, tokens = await asyncio.to_thread(_token_classes)
    session = keys.session()
    reader = tokens(config.issuers, session)

    async def close() -> None:
        await reader.close()
        await session.close()

    return reader, close


def _token_classes() -> tuple[type[IssuerKeys], type[TokenReader]]:
    """The implementation; importing it brings a library of cryptography."""
    from dinrail_access.jwks import IssuerKeys
    from dinrail_access.tokens import TokenReader

    return IssuerKeys, TokenReader


async def _nothing() -> None:
    return None

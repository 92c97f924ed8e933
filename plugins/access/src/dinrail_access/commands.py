"""``dinrail keys create|list|revoke``."""

from __future__ import annotations

import argparse
import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from dinrail_core.hooks import Command, Rail

if TYPE_CHECKING:
    from dinrail_core.api.api_keys import ApiKey, ApiKeys

__all__ = ["KEYS", "expiry"]

_DESCRIPTION = """\
API keys. As soon as there is one, the server asks every caller for one, and may listen on any address.

  dinrail keys create --tenant acme --user ann        a key that makes ann's requests
  dinrail keys create --tenant acme --role admin      one that may make others, over HTTP
  dinrail keys list                                   all of them, without what makes them keys
  dinrail keys revoke key_0123…                       no server takes it five seconds later
"""
_SPAN = re.compile(r"(\d{1,9})([smhdwy])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


def expiry(text: str) -> int:
    """When a key ends: ``30d`` (s, m, h, d, w, y from now), ``2027-01-31``, or a time as ISO 8601 writes it.

    Raises:
        argparse.ArgumentTypeError: It is neither.
    """
    span = _SPAN.fullmatch(text)
    if span is not None:
        return int(time.time()) + int(span[1]) * _SECONDS[span[2]]
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no time; write 30d, 12h or 2027-01-31") from None
    return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())


def _configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a key and show it, this once")
    create.add_argument("--tenant", required=True, help="whom the key belongs to; tenants see nothing of each other")
    create.add_argument("--user", help="the user within the tenant")
    create.add_argument("--role", action="append", default=[], dest="roles", help="a role; may be given several times")
    create.add_argument("--name", help="what people call the key")
    create.add_argument("--expires", type=expiry, metavar="WHEN", help="30d, 12h or 2027-01-31; never by default")
    for name, what in (
        ("requests-per-minute", "requests in a minute"),
        ("tokens-per-minute", "tokens read and written in a minute"),
        ("concurrent-requests", "requests at the same time"),
        ("stored-bytes", "bytes that tenant and user may have stored"),
    ):
        create.add_argument(f"--{name}", type=int, metavar="N", help=f"the most {what}")
    create.add_argument("--quiet", action="store_true", help="print the key and nothing else")
    actions.add_parser("list", help="list all keys, those that were taken back included")
    revoke = actions.add_parser("revoke", help="take a key back for good")
    revoke.add_argument("id", metavar="ID", help="the key's id, as 'keys list' shows it")
    revoke.add_argument(
        "--forget",
        action="store_true",
        help="remove it from the list too; without any key left, the next start asks nobody for one",
    )


async def _run(arguments: argparse.Namespace, rail: Rail) -> int:
    from dinrail_core.api.api_keys import ApiKeys

    keys = await rail.service(ApiKeys)
    if arguments.action == "create":
        await _create(keys, arguments)
    elif arguments.action == "list":
        await _list(keys)
    else:
        await _revoke(keys, arguments)
    return 0


async def _create(keys: ApiKeys, arguments: argparse.Namespace) -> None:
    from dinrail_core.api.api_keys import CreateApiKey
    from dinrail_core.api.call import Call
    from dinrail_core.api.wire import decode_request

    limits = ("requests_per_minute", "tokens_per_minute", "concurrent_requests", "stored_bytes")
    wanted: dict[str, Any] = {
        "tenant": arguments.tenant,
        "user": arguments.user,
        "roles": arguments.roles,
        "name": arguments.name,
        "expires_at": arguments.expires,
        "limits": {name: getattr(arguments, name) for name in limits if getattr(arguments, name) is not None},
    }
    made = await keys.create(decode_request(CreateApiKey, wanted), Call())
    if arguments.quiet:
        print(made.value)
        return
    print(made.value)
    print(f"\nThis is {made.id}, for {_whose(made)}. Keep it: it is not stored here and cannot be shown again.")
    print("Clients send it as 'Authorization: Bearer KEY', or take it as OPENAI_API_KEY.")


async def _list(keys: ApiKeys) -> None:
    from dinrail_core.api.call import Call
    from dinrail_core.api.pages import ListQuery

    rows: list[tuple[str, ...]] = []
    after: str | None = None
    while True:
        query = ListQuery(limit=100, order="asc") if after is None else ListQuery(limit=100, order="asc", after=after)
        page = await keys.list(query, Call())
        rows += [(key.id, key.redacted_value, _whose(key), _state(key), key.name or "") for key in page.data]
        after = page.last_id
        if not page.has_more or after is None:
            break
    if not rows:
        print("There are no keys. To make one: dinrail keys create --tenant NAME")
        return
    rows.insert(0, ("ID", "KEY", "FOR", "STATE", "NAME"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


async def _revoke(keys: ApiKeys, arguments: argparse.Namespace) -> None:
    from dinrail_core.api.call import Call

    revoked = await keys.revoke(arguments.id, Call())
    if arguments.forget:
        await keys.forget(arguments.id, Call())
    print(f"{revoked.id} ({revoked.redacted_value}, {_whose(revoked)}) is refused within five seconds.")


def _whose(key: ApiKey) -> str:
    who = key.tenant if key.user is None else f"{key.tenant}/{key.user}"
    return f"{who} ({', '.join(key.roles)})" if key.roles else who


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {_day(key.revoked_at)}"
    if key.expires_at is None:
        return "in force"
    return f"{'expired' if key.expires_at <= time.time() else 'until'} {_day(key.expires_at)}"


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")


KEYS = Command(
    name="keys",
    summary="make API keys, list them, take them back",
    description=_DESCRIPTION,
    configure=_configure,
    on_rail=_run,
)

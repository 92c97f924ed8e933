"""URLs of requests that are not followed here but passed on to a model's server, which follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import ip_address

from dinrail_core.errors import UpstreamUnavailable
from dinrail_core.hooks.outbound import Outbound
from dinrail_sdk.outbound.destination import is_address, look_up, not_allowed, split_url

__all__ = ["check_passed_on"]

_LOOPBACK = "127.0.0.1"


async def check_passed_on(urls: Iterable[tuple[str, str]], outbound: Outbound) -> None:
    """See that URLs hold their data, or lead to where requests may reach. Each host is looked up once.

    The server that follows a URL picks one of the addresses itself, so all of them have to be permitted. What a name
    stands for there may differ from here: a name that cannot be resolved here passes.

    Args:
        urls: Each URL with the field of the request that it came in.
        outbound: What may be reached.

    Raises:
        InvalidRequest: One is neither ``data:`` nor an absolute ``http`` or ``https`` URL (``invalid_url``), or may
            lead to where it must not (``url_not_allowed``); ``param`` is its field.
    """
    fields: dict[str, str] = {}
    ports: dict[str, int] = {}
    for url, param in urls:
        if url[:5].lower() != "data:":
            _, host, port = split_url(url, param)
            fields.setdefault(host, param)
            ports.setdefault(host, port)
    found = await asyncio.gather(*(_addresses(host, port) for host, port in ports.items()))
    for (host, param), addresses in zip(fields.items(), found, strict=True):
        if not all(outbound.permits(ip_address(address)) for address in addresses):
            raise not_allowed(host, param)


async def _addresses(host: str, port: int) -> list[str]:
    """What a host stands for; nothing if that is not known here."""
    if is_address(host):
        return [host.partition("%")[0]]
    name = host.rstrip(".")  # "127.0.0.1." is an address to some who follow URLs
    if name == "localhost" or name.endswith(".localhost"):
        return [_LOOPBACK]
    try:
        return await look_up(name, port)
    except UpstreamUnavailable:
        return []

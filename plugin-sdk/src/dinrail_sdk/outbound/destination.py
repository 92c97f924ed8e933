"""From a URL to the addresses that it may be fetched from."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from dinrail_core.errors import InvalidRequest, UpstreamUnavailable
from dinrail_core.hooks.outbound import Outbound

__all__ = ["Destination", "check_url", "is_address", "look_up", "not_allowed", "resolve", "split_url"]

_LONGEST = 8_192
_NOT_IN_A_TARGET = re.compile(r"[^!-~]")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.-])?")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a URL leads.

    Attributes:
        url: The URL.
        host: The name that it has; certificates are checked against it.
        port: The port.
        target: Path and query, as they are sent.
        addresses: What the name stands for, as far as it may be reached; at least one.
        tls: Whether it is ``https``.
        named: Whether the operator has named the network of every address (``[outbound] allow_private``).
    """

    url: str
    host: str
    port: int
    target: str
    addresses: tuple[str, ...]
    tls: bool
    named: bool


def check_url(url: str, outbound: Outbound, *, plain: bool = True, param: str | None = None) -> None:
    """See whether a URL can ever be followed; nothing is asked of the network, so where a name leads is left open.

    Args:
        url: The URL.
        outbound: What may be reached. An address in place of a name, however it is spelt, is looked at here; a name is
            by :func:`resolve`, when it is followed.
        plain: Whether ``http`` will do outside the networks that the operator has named.
        param: The field of the request that it came in.

    Raises:
        InvalidRequest: It is no absolute ``http`` or ``https`` URL, or has a user or a password in it
            (``invalid_url``); or its address may not be reached, or not over ``http`` (``url_not_allowed``).
    """
    parts, host, port = split_url(url, param)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return  # a name
    _check_way(parts, _permitted(host, _addresses(found), outbound, param), outbound, plain, param)


async def resolve(url: str, outbound: Outbound, *, plain: bool = True, param: str | None = None) -> Destination:
    """Look up where a URL leads, once: connect to these addresses, and never to the name.

    Args:
        url: The URL.
        outbound: What may be reached.
        plain: Whether ``http`` will do outside the networks that the operator has named.
        param: The field of the request that it came in.

    Raises:
        InvalidRequest: It is no URL (``invalid_url``), or leads to where it must not, or not over ``http``
            (``url_not_allowed``).
        UpstreamUnavailable: Its name cannot be resolved.
    """
    parts, host, port = split_url(url, param)
    permitted = _permitted(host, await look_up(host, port), outbound, param)
    named = _check_way(parts, permitted, outbound, plain, param)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(url, host, port, target, permitted, parts.scheme == "https", named)


def _permitted(host: str, addresses: Iterable[str], outbound: Outbound, param: str | None) -> tuple[str, ...]:
    """Those of the addresses that may be reached; at least one."""
    permitted = tuple(address for address in addresses if outbound.permits(ip_address(address)))
    if not permitted:
        raise not_allowed(host, param)
    return permitted


def _check_way(
    parts: SplitResult, permitted: Iterable[str], outbound: Outbound, plain: bool, param: str | None
) -> bool:
    """See that the scheme will do for the addresses, and return whether the operator has named all of them."""
    named = all(outbound.allows(ip_address(address)) for address in permitted)
    if not (plain or named or parts.scheme == "https"):
        raise InvalidRequest("The URL must be https.", param=param, code="url_not_allowed")
    return named


def split_url(url: str, param: str | None) -> tuple[SplitResult, str, int]:
    """The parts of a URL, its host (IPv6 without brackets) and its port.

    Raises:
        InvalidRequest: It is none that can be followed (``invalid_url``).
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _invalid(param) from None
    if parts.scheme not in _PORTS or not host or len(url) > _LONGEST or _NOT_IN_A_TARGET.search(url) or port == 0:
        raise _invalid(param)
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest("The URL must not hold a user or a password.", param=param, code="invalid_url")
    if not (is_address(host) or _NAME.fullmatch(host)):
        raise _invalid(param)
    return parts, host, port or _PORTS[parts.scheme]


async def look_up(host: str, port: int) -> list[str]:
    """What a name stands for; the resolver is asked in a thread.

    Raises:
        UpstreamUnavailable: It cannot be resolved.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UpstreamUnavailable(f"The name '{host[:200]}' cannot be resolved.") from error
    return _addresses(found)


def _addresses(found: Iterable[tuple[Any, ...]]) -> list[str]:
    """The addresses of what ``getaddrinfo`` has found, without the scopes of IPv6."""
    return list(dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found))


def is_address(host: str) -> bool:
    """Whether a host is an address as it stands, and no name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def not_allowed(host: str, param: str | None) -> InvalidRequest:
    """What is said of a URL that leads to where it must not."""
    return InvalidRequest(
        f"The URL leads to an address of '{host[:200]}' that requests may not reach; the operator can allow it: "
        "[outbound] allow_private.",
        param=param,
        code="url_not_allowed",
    )


def _invalid(param: str | None) -> InvalidRequest:
    return InvalidRequest(
        "The URL must be an absolute one, http or https, with percent-encoding where it is needed.",
        param=param,
        code="invalid_url",
    )

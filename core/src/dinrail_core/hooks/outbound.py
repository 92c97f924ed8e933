"""What a URL that a request names may reach (``[outbound]``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import TypeAlias

__all__ = ["Address", "Network", "Outbound"]

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Outbound:
    """Which addresses may be reached on behalf of a request: public ones, and what the operator adds.

    Attributes:
        allow_private: Networks beyond the public addresses.
    """

    allow_private: tuple[Network, ...] = ()

    def permits(self, address: Address) -> bool:
        """Whether the address may be reached."""
        return self.allows(address) or all(_is_public(seen) for seen in _ways_to_read(address))

    def allows(self, address: Address) -> bool:
        """Whether the operator has named the address, or a network around it."""
        return any(
            seen in network for seen in _ways_to_read(address) for network in self.allow_private if _same(seen, network)
        )


def _is_public(address: Address) -> bool:
    return address.is_global and not address.is_multicast


def _same(address: Address, network: Network) -> bool:
    return address.version == network.version


def _ways_to_read(address: Address) -> Iterator[Address]:
    """The address, or the IPv4 address that an IPv6 one stands for; and that which it would be tunnelled to as well."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            yield address.ipv4_mapped
            return
        if address in _NAT64:
            yield IPv4Address(int(address) & 0xFFFFFFFF)
            return
        if address.sixtofour is not None:
            yield address.sixtofour
        if address.teredo is not None:
            yield from address.teredo
    yield address

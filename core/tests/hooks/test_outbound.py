from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from dinrail_core.hooks import Outbound

PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
INSIDE = [
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "10.0.0.7",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fe80::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1",
    "2002:a00:7::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert Outbound().permits(ip_address(address))


@pytest.mark.parametrize("address", INSIDE)
def test_what_lies_inside_may_not_be_reached_whatever_it_is_written_as(address: str) -> None:
    assert not Outbound().permits(ip_address(address))


def test_the_operator_can_name_networks_and_nothing_around_them() -> None:
    outbound = Outbound((ip_network("10.20.0.0/16"), ip_network("fd00:1::/32")))
    for inside in ("10.20.255.1", "::ffff:10.20.0.1", "fd00:1::5"):
        assert outbound.permits(ip_address(inside))
        assert outbound.allows(ip_address(inside))
    for outside in ("10.21.0.1", "127.0.0.1", "fd00:2::5"):
        assert not outbound.permits(ip_address(outside))
    assert not outbound.allows(ip_address("93.184.216.34"))

"""Following URLs that requests name, to where the operator lets them lead.

An address in a request (an image, a tool server, a webhook's endpoint) is chosen by whoever sent it, and must not
become a way into the network that the server stands in. So a name is resolved once, only addresses that
:class:`~dinrail_core.hooks.Outbound` permits are connected to, and each redirect is a new URL::

    client = OutboundClient(context.outbound)
    found = await client.get("https://example.com/cat.png", limit=20_000_000)

Who speaks through a client of somebody else's asks :func:`resolve` for addresses, and connects to those.
What a model's server is to follow itself is seen by :func:`check_passed_on` before it is told.
"""

from __future__ import annotations

from dinrail_sdk.outbound.client import Fetched, OutboundClient, Timeouts
from dinrail_sdk.outbound.destination import Destination, check_url, resolve
from dinrail_sdk.outbound.passing import check_passed_on

__all__ = ["Destination", "Fetched", "OutboundClient", "Timeouts", "check_passed_on", "check_url", "resolve"]

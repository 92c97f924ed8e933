"""What a request wants a server to be sent: checked before it is, and never repeated in a message."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dinrail_core.api.mcp import McpServer
from dinrail_core.errors import InvalidRequest
from dinrail_mcp.plugin import Connector

__all__ = ["headers_for"]

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token (RFC 9110, section 5.6.2)."""
_OUR_OWN = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_MOST = 50


def headers_for(server: McpServer, connector: Connector | None) -> Mapping[str, str]:
    """The headers that a server is sent with every request, lower-case names.

    A caller's token takes the place of the operator's; of other headers, the operator's stay.

    Raises:
        InvalidRequest: A header is none that can be sent.
    """
    headers = {name.lower(): value for name, value in server.headers.items()}
    if len(headers) > _MOST:
        raise InvalidRequest(f"There are more than {_MOST} headers.", param="headers")
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise InvalidRequest("A header's name has characters that it cannot have.", param="headers")
        if name in _OUR_OWN:
            raise InvalidRequest(f"The header '{name}' is set by this server itself.", param="headers")
        if not _is_clean(value):
            raise InvalidRequest(f"The value of the header '{name}' cannot be sent.", param="headers")
    if server.authorization is not None:
        if "authorization" in headers:
            raise InvalidRequest(
                "There is a header 'authorization' beside 'authorization'; give one of them.", param="authorization"
            )
        if not _is_clean(server.authorization):
            raise InvalidRequest("The authorization is not one that can be sent.", param="authorization")
        headers["authorization"] = f"Bearer {server.authorization}"
    if connector is not None:
        headers |= {name: value.get_secret_value() for name, value in connector.headers.items()}
        if connector.authorization is not None and server.authorization is None:
            headers["authorization"] = f"Bearer {connector.authorization.get_secret_value()}"
    return headers


def _is_clean(value: str) -> bool:
    return bool(value) and value.isascii() and value.isprintable() and value == value.strip()

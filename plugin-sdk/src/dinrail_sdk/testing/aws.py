"""What AWS does at its end of a wire: it checks signatures, and writes event streams. Written from its documentation.

Sources: "Signature Version 4 signing process" (AWS General Reference), and "Event stream encoding" (Amazon Transcribe's
developer guide, whose format is that of all services).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
import zlib
from collections.abc import Mapping
from urllib.parse import quote

from dinrail_sdk.testing.dialect import Request

__all__ = ["check_signature", "event_message"]

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<id>[^/]+)/(?P<scope>(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request), SignedHeaders=(?P<headers>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)
_STRING = 7
"""The type of a header's value in an event stream."""


def check_signature(request: Request, *, key_id: str, secret: str, region: str, service: str) -> None:
    """See that a request is signed with this key, for this service, and that nothing of it was changed afterwards.

    Raises:
        ValueError: It is not.
    """
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        raise ValueError("Missing Authentication Token")
    if (found["id"], found["region"], found["service"]) != (key_id, region, service):
        raise ValueError("The security token included in the request is invalid.")
    when = request.headers.get("x-amz-date", "")
    names = found["headers"].split(";")
    due = {"host", *(name for name in request.headers if name.startswith("x-amz-") or name == "content-type")}
    if not when.startswith(found["day"]) or not due <= {*names}:
        raise ValueError("The signature leaves out what it must have.")
    path, _, query = request.path.partition("?")
    canonical = "\n".join(
        [
            request.method,
            # What is encoded once on the wire is encoded twice in what is signed.
            quote(path, safe="/~"),
            "&".join(sorted(part if "=" in part else f"{part}=" for part in query.split("&") if part)),
            *(f"{name}:{' '.join(request.headers[name].split())}" for name in names),
            "",
            found["headers"],
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    key = f"AWS4{secret}".encode()
    for part in found["scope"].split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", when, found["scope"], digest])
    if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), found["signature"]):
        raise ValueError("The request signature we calculated does not match the signature you provided.")


def event_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message of an event stream: its lengths, its headers, its payload, and both checksums."""
    named = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(named) + len(payload), len(named))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + named + payload
    return message + struct.pack("!I", zlib.crc32(message))

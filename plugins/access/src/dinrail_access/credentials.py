"""What callers show: taking it out of headers, and the form of API keys.

A key is ``dr_``, 43 characters of base 62 that stand for 256 random bits, and 6 that are their CRC-32. So a slip of the
pen is told from a key that is unknown without a look into the database, and a scanner for secrets knows a key by its
looks and rarely errs.

Keys are kept as SHA-256. Slow hashes are for passwords, which can be guessed; with 256 random bits there is nothing to
guess, and a slow hash would only make each first request slow.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from collections.abc import Mapping

from dinrail_core.errors import Unauthenticated

__all__ = ["KEY_ID", "OTHER_HEADER", "bearer", "digest", "is_key", "is_sound", "new_key", "redacted"]

OTHER_HEADER = "x-api-key"
"""Where clients of Anthropic's dialect send their key."""

KEY_ID = "key_"
"""How the ids of keys begin, which are no secret."""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PREFIX = "dr_"
_RANDOM, _CHECK = 43, 6
_KEY = re.compile(rf"{_PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECK}}}")
_SHOWN = 7


def new_key() -> str:
    """A key that nobody can guess."""
    body = _base62(secrets.randbits(256), _RANDOM)
    return f"{_PREFIX}{body}{_checksum(body)}"


def is_key(text: str) -> bool:
    """Whether it is meant to be an API key."""
    return text.startswith(_PREFIX)


def is_sound(key: str) -> bool:
    """Whether it has the form of a key, and its checksum fits."""
    if _KEY.fullmatch(key) is None:
        return False
    body, check = key[len(_PREFIX) : -_CHECK], key[-_CHECK:]
    return _checksum(body) == check


def digest(credential: str) -> str:
    """What is kept of a credential, in place of it: SHA-256, hexadecimal."""
    return hashlib.sha256(credential.encode("utf-8", "surrogateescape")).hexdigest()


def redacted(key: str) -> str:
    """A key as its owner recognises it."""
    return f"{key[:_SHOWN]}…{key[-_CHECK + 2 :]}"


def bearer(headers: Mapping[str, str]) -> str:
    """The credential that a request shows (RFC 6750, section 2.1), or else as Anthropic's clients show it.

    Raises:
        Unauthenticated: It shows none, or one of another kind.
    """
    given = headers.get("Authorization")
    if given is None and (key := headers.get(OTHER_HEADER, "").strip()):
        return key
    if given is None:
        raise Unauthenticated(
            "This server needs an API key. Send it as 'Authorization: Bearer KEY'.", code="missing_api_key"
        )
    scheme, _, credential = given.partition(" ")
    credential = credential.strip()
    if scheme.lower() != "bearer" or not credential:
        raise Unauthenticated("The credentials must be sent as 'Authorization: Bearer KEY'.", code="missing_api_key")
    return credential


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))

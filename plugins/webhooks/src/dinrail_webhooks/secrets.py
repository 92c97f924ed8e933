"""Secrets of endpoints, which are made when they are needed and kept nowhere, and signatures made with them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable
from pathlib import Path

from dinrail_core.errors import ConfigurationError

__all__ = ["Keyring", "key_in", "new_salt", "sign"]

_PREFIX = "whsec_"
_KEY_BYTES = 32
_SHOWN = 4


class Keyring:
    """Makes secrets out of a key.

    A secret is the key's HMAC over endpoint and salt: who has the database and not the key can sign nothing, and a new
    salt is a new secret.

    Args:
        key: The key.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def check(self) -> str:
        """What tells this key from others, and says nothing about it."""
        return self._mac(b"check").hex()[:32]

    def secret(self, endpoint_id: str, salt: str) -> str:
        """The secret as its owner is told it."""
        return _PREFIX + base64.b64encode(self._secret(endpoint_id, salt)).decode()

    def hint(self, endpoint_id: str, salt: str) -> str:
        """Its end, by which it is recognised."""
        return f"{_PREFIX}…{self.secret(endpoint_id, salt)[-_SHOWN:]}"

    def signature(self, endpoint_id: str, salts: Iterable[str], message_id: str, at: int, body: bytes) -> str:
        """The header ``webhook-signature``: a signature for each secret that is in force."""
        return " ".join(sign(self._secret(endpoint_id, salt), message_id, at, body) for salt in salts)

    def _secret(self, endpoint_id: str, salt: str) -> bytes:
        return self._mac(b"secret", endpoint_id.encode(), salt.encode())

    def _mac(self, *parts: bytes) -> bytes:
        return hmac.digest(self._key, b"\0".join(parts), hashlib.sha256)


def sign(secret: bytes, message_id: str, at: int, body: bytes) -> str:
    """One signature (Standard Webhooks, version 1): over the message's id, the time and the body.

    Args:
        secret: The secret's bytes.
        message_id: The id of the message, in the header ``webhook-id``.
        at: Seconds since the epoch, in the header ``webhook-timestamp``.
        body: What is sent.
    """
    signed = b"%b.%d.%b" % (message_id.encode(), at, body)
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()}"


def new_salt() -> str:
    """A salt that no other secret has."""
    return os.urandom(16).hex()


def key_in(folder: Path) -> bytes:
    """The key that a folder holds, made with the first look; of processes that look at once, all get the same.

    Raises:
        ConfigurationError: It is damaged.
    """
    file = folder / "key"
    if not file.exists():
        mine = folder / f"key.{os.getpid()}.{os.urandom(4).hex()}"
        descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(os.urandom(_KEY_BYTES))
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(mine, file)  # unlike a renaming, it replaces nothing
        except FileExistsError:
            pass
        finally:
            mine.unlink()
    key = file.read_bytes()
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(f"{file} does not hold a key", key="services.webhooks.key")
    return key

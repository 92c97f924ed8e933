"""Encrypted content: what a caller carries for the server, and can neither read nor change."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dinrail_core.api.call import Principal
from dinrail_core.errors import InvalidRequest
from dinrail_responses.sealed import SEALED

__all__ = ["Seal", "key_in"]

_NONCE = 12
_KEY = 32


class Seal:
    """Seals text for one principal, and opens what was sealed for it (AES-256-GCM).

    Args:
        secret: The server's secret; every process of one server has the same.
    """

    def __init__(self, secret: bytes) -> None:
        self._cipher = AESGCM(hashlib.sha256(secret).digest())

    def seal(self, text: str, principal: Principal) -> str:
        """Text that only this server can read, and only for this principal."""
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), _bound_to(principal))
        return SEALED + base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, sealed: str, principal: Principal) -> str:
        """What was sealed.

        Raises:
            InvalidRequest: It was not sealed here, or for somebody else, or it has been changed.
        """
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(SEALED))
            return self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], _bound_to(principal)).decode()
        except (InvalidTag, ValueError):
            raise InvalidRequest("The encrypted content is none of this server's.", param="input") from None


def key_in(folder: Path) -> bytes:
    """The secret in a file of the folder's, made if need be; of several processes that make one, the first counts."""
    file = folder / "seal.key"
    if not file.exists():
        made = folder / f"seal.key.{os.getpid()}.{os.urandom(4).hex()}"
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(os.urandom(_KEY))
            os.fsync(out.fileno())
        try:
            os.link(made, file)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return file.read_bytes()


def _bound_to(principal: Principal) -> bytes:
    return f"{principal.tenant}\0{principal.user or ''}".encode()

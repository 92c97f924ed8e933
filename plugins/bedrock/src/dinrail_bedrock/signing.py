"""Requests signed with AWS credentials (Signature Version 4), over botocore."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.session import Session

from dinrail_bedrock.plugin import BedrockConfig
from dinrail_core.errors import UpstreamRefused, UpstreamUnavailable
from dinrail_sdk.upstream import Unsigned

__all__ = ["Signer"]

_PAUSE = 30.0
"""Seconds between two tries to renew what is good for some minutes more: until then there may be nothing newer."""
_LAST_MINUTE = 60
_LARGE = 256 * 1024
"""Bytes whose hash takes long enough to be computed beside the event loop."""


class Signer:
    """Signs requests, with credentials that are found once and renewed before they expire.

    Args:
        config: Says which credentials, and for which region.
    """

    def __init__(self, config: BedrockConfig) -> None:
        self._config = config
        self._credentials: Any = None
        self._frozen: Any = None
        self._renewed_at = 0.0
        self._lock = asyncio.Lock()
        # For debugging it writes down what it signs, and session tokens are a part of that.
        logging.getLogger("botocore.auth").setLevel(logging.INFO)

    async def sign(self, request: Unsigned) -> Sequence[tuple[str, str]]:
        """The headers that a request needs besides its own; see :data:`dinrail_sdk.upstream.Sign`.

        Raises:
            UpstreamRefused: There are no credentials, or they are good no more.
            UpstreamUnavailable: Whoever gives credentials out cannot be reached.
        """
        frozen = await self._current()
        if request.body is not None and len(request.body) > _LARGE:
            return await asyncio.to_thread(self._signed, request, frozen)
        return self._signed(request, frozen)

    def _signed(self, request: Unsigned, frozen: Any) -> Sequence[tuple[str, str]]:
        signed = AWSRequest(
            method=request.method, url=request.url, data=request.body or b"", headers=dict(request.headers)
        )
        SigV4Auth(frozen, "bedrock", self._config.region).add_auth(signed)
        ours = {name.lower() for name, _ in request.headers}
        return [(name.lower(), value) for name, value in signed.headers.items() if name.lower() not in ours]

    async def _current(self) -> Any:
        """Credentials of the moment, which a renewal cannot change while they are used."""
        if self._is_stale():
            async with self._lock:
                if self._is_stale():
                    # Files, programs and requests: botocore does all of it in the foreground.
                    self._credentials, self._frozen = await asyncio.to_thread(self._renewed)
                    self._renewed_at = time.monotonic()
        return self._frozen

    def _is_stale(self) -> bool:
        found = self._credentials
        if found is None:
            return True
        if not isinstance(found, RefreshableCredentials) or not found.refresh_needed():
            return False
        return found.refresh_needed(_LAST_MINUTE) or time.monotonic() - self._renewed_at > _PAUSE

    def _renewed(self) -> tuple[Any, Any]:
        """The credentials, and what they are now."""
        try:
            found = self._credentials or self._found()
            if found is not None:
                return found, found.get_frozen_credentials()
        except HTTPClientError:
            raise UpstreamUnavailable("What gives out AWS credentials cannot be reached.") from None
        except (BotoCoreError, ClientError, OSError, ValueError) as error:
            # Without its words, which may repeat a part of the credentials.
            raise UpstreamRefused(f"There are no good AWS credentials ({type(error).__name__}).") from None
        raise UpstreamRefused("There are no AWS credentials.")

    def _found(self) -> Any:
        config = self._config
        if config.access_key_id is not None and config.secret_access_key is not None:
            token = config.session_token.get_secret_value() if config.session_token is not None else None
            return Credentials(config.access_key_id, config.secret_access_key.get_secret_value(), token)
        return Session(profile=config.profile).get_credentials()

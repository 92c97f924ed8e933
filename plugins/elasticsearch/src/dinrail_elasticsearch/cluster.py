"""Requests to Elasticsearch, and what its refusals mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson

from dinrail_core.errors import (
    DinrailError,
    NotFound,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamTimeout,
    UpstreamUnavailable,
)

__all__ = ["Cluster", "Refused"]


class Refused(UpstreamFailed):
    """Elasticsearch refused a request.

    Args:
        status: The HTTP status.
        kind: What it calls the reason.
    """

    def __init__(self, status: int, kind: str) -> None:
        super().__init__(f"Elasticsearch failed (it answers {status}, {kind}).")
        self.status = status
        self.kind = kind


class Cluster:
    """A cluster.

    Args:
        session: With its address and credentials.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON, or lines of it where the body is a list; returns the parsed answer.

        Raises:
            NotFound: There is no such index.
            Refused: It says no for another reason.
            UpstreamError: It does not answer, or not as it should.
        """
        data, kind = None, "application/json"
        if isinstance(body, list):
            data, kind = b"".join(orjson.dumps(line) + b"\n" for line in body), "application/x-ndjson"
        elif body is not None:
            data = orjson.dumps(body)
        try:
            async with self._session.request(method, path, data=data, headers={"content-type": kind}) as response:
                text = await response.read()
        except TimeoutError as error:
            raise UpstreamTimeout("Elasticsearch did not answer in time.") from error
        except aiohttp.ClientError as error:
            name = type(error).__name__
            raise UpstreamUnavailable(f"Elasticsearch cannot be reached ({name}).", retry_after=1.0) from error
        answer = _parsed(text)
        if response.status >= 400:
            raise _refusal(response.status, answer)
        return answer

    async def bulk(self, lines: Sequence[Any]) -> None:
        """Do many things; those that are not there to be deleted do not matter.

        Raises:
            UpstreamFailed: One of them failed.
        """
        answer = await self.ask("POST", "/_bulk?refresh=true", list(lines))
        for item in answer["items"]:
            (said,) = item.values()
            if "error" in said:  # what was not there to be deleted has none
                raise _refusal(said["status"], said)

    async def by_query(self, path: str, body: Any) -> None:
        """Change whatever matches.

        Raises:
            UpstreamFailed: Some of it could not be changed, or not in time.
        """
        answer = await self.ask("POST", f"{path}?refresh=true", body)
        if answer.get("failures"):
            raise Refused(answer["failures"][0]["status"], str(answer["failures"][0]["cause"]["type"]))
        if answer.get("timed_out"):
            raise UpstreamTimeout("Elasticsearch did not change everything in time.")


def _parsed(text: bytes) -> Any:
    try:
        return orjson.loads(text) if text else {}
    except orjson.JSONDecodeError:
        return None


def _refusal(status: int, answer: Any) -> DinrailError:
    if status in (401, 403):
        return UpstreamRefused("Elasticsearch does not accept the credentials that are configured.")
    if status in (429, 502, 503, 504):
        return UpstreamUnavailable(f"Elasticsearch is overloaded (it answers {status}).", retry_after=1.0)
    if answer is None:
        return UpstreamInvalid("Elasticsearch answered something that is no JSON.")
    kind = _kind(answer)
    if kind == "index_not_found_exception":
        return NotFound("There is no such collection of vectors.")
    return Refused(status, kind)


def _kind(answer: Any) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    return str(error.get("type")) if isinstance(error, dict) else "without a reason"

"""Requests to Weaviate, and what its refusals mean."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
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
from dinrail_weaviate.where import Where

__all__ = ["Refused", "Server"]

_ALL = "consistency_level=ALL"
"""Every replica has what was written before it counts as written, so that it does not matter which one is asked."""
_LIMITED = "USAGE_LIMIT_EXCEEDED"
"""What a 429 says where more objects or collections are never taken, and not too many at once."""
_PAUSE = 0.1
"""Seconds between two looks at an index that is built behind the writes."""


class Refused(UpstreamFailed):
    """Weaviate refused a request.

    Args:
        status: The HTTP status; 200 where a query or an object of a batch was refused.
        message: What it says.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"Weaviate failed (it answers {status}: {message[:200]}).")
        self.status = status


class Server:
    """A server, or a cluster behind one address.

    Args:
        session: With its address and credentials.
        patience: Seconds to wait for an index that is built behind the writes.
    """

    def __init__(self, session: aiohttp.ClientSession, patience: float) -> None:
        self._session = session
        self._patience = patience

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON; returns the parsed answer, ``None`` where it is empty.

        Raises:
            NotFound: There is no such thing.
            Refused: It says no for another reason.
            UpstreamError: It does not answer, or not as it should.
        """
        data = None if body is None else orjson.dumps(body)
        headers = {"content-type": "application/json"}
        try:
            async with self._session.request(method, path, data=data, headers=headers) as response:
                text = await response.read()
        except TimeoutError as error:
            raise UpstreamTimeout("Weaviate did not answer in time.") from error
        except aiohttp.ClientError as error:
            name = type(error).__name__
            raise UpstreamUnavailable(f"Weaviate cannot be reached ({name}).", retry_after=1.0) from error
        if response.status >= 400:
            raise _refusal(response.status, text)
        try:
            return orjson.loads(text) if text else None
        except orjson.JSONDecodeError as error:
            raise UpstreamInvalid("Weaviate answered something that is no JSON.") from error

    async def definition(self, name: str) -> Mapping[str, Any]:
        """The definition of a collection.

        Raises:
            NotFound: There is none of this name.
        """
        answer = await self.ask("GET", f"v1/schema/{name}")
        if not isinstance(answer, dict):
            raise UpstreamInvalid("Weaviate has answered no definition of a collection.")
        return answer

    async def query(self, kind: str, name: str, query: str) -> Sequence[Mapping[str, Any]]:
        """Ask in GraphQL; returns what is found in a collection.

        Args:
            kind: ``Get`` or ``Aggregate``.
            name: The collection.
            query: Arguments and fields, as they follow the collection's name.

        Raises:
            NotFound: There is no such collection (any more).
            Refused: The query fails for another reason.
        """
        answer = await self.ask("POST", "v1/graphql", {"query": f"{{{kind}{{{name}{query}}}}}"})
        if answer.get("errors"):
            await self.definition(name)
            raise Refused(200, _said(answer["errors"]))
        found = answer["data"][kind][name]
        return found if isinstance(found, list) else []

    async def put(self, name: str, objects: Sequence[Mapping[str, Any]]) -> None:
        """Put objects in, which take the places of those with the same ids.

        Raises:
            Refused: One of them is not accepted.
        """
        body = {"objects": [{"class": name, **one} for one in objects]}
        for one in await self.ask("POST", f"v1/batch/objects?{_ALL}", body):
            result = one.get("result") or {}
            if result.get("errors") or result.get("status") == "FAILED":
                raise Refused(200, _said((result.get("errors") or {}).get("error")))
        await self._indexed(name)

    async def change(self, name: str, key: str, properties: Mapping[str, Any]) -> None:
        """Change properties of an object and leave its vector as it is; nothing happens where it is not there."""
        try:
            body = {"class": name, "id": key, "properties": properties}
            await self.ask("PATCH", f"v1/objects/{name}/{key}?{_ALL}", body)
        except NotFound:
            await self.definition(name)

    async def delete(self, name: str, where: Where) -> None:
        """Remove the objects that a condition holds for; a server removes so many of them in one go.

        Raises:
            Refused: Some of them cannot be removed.
        """
        body = {"match": {"class": name, "where": where}, "output": "minimal"}
        while True:
            results = (await self.ask("DELETE", f"v1/batch/objects?{_ALL}", body))["results"]
            if results["failed"]:
                raise Refused(200, f"{results['failed']} objects could not be removed")
            if not results["successful"] or results["matches"] < results["limit"]:
                return

    async def _indexed(self, name: str) -> None:
        """Wait for servers that index vectors behind the writes, so that the next search finds them.

        Raises:
            UpstreamTimeout: They do not get it done in time.
        """
        until = time.monotonic() + self._patience
        while True:
            answer = await self.ask("GET", f"v1/nodes/{name}?output=verbose")
            shards = [shard for node in answer.get("nodes") or [] for shard in node.get("shards") or []]
            if not any(shard.get("vectorQueueLength") for shard in shards):
                return
            if time.monotonic() >= until:
                raise UpstreamTimeout("Weaviate has not indexed the vectors in time.")
            await asyncio.sleep(_PAUSE)


def _refusal(status: int, text: bytes) -> DinrailError:
    if status in (401, 403):
        return UpstreamRefused("Weaviate does not accept the credentials that are configured.")
    if status == 404:
        return NotFound("There is no such collection of vectors.")
    try:
        answer = orjson.loads(text)
    except orjson.JSONDecodeError:
        answer = None
    answer = answer if isinstance(answer, dict) else {}
    if status in (429, 502, 503, 504) and answer.get("errorCode") != _LIMITED:
        return UpstreamUnavailable(f"Weaviate is overloaded (it answers {status}).", retry_after=1.0)
    # What the operator of the server does not allow has its message beside the list of errors, and no such list.
    return Refused(status, _said(answer.get("error") or answer))


def _said(errors: Any) -> str:
    """What Weaviate says of an error; an object with a message, or a list of such."""
    for one in errors if isinstance(errors, list) else [errors]:
        if isinstance(one, dict) and isinstance(one.get("message"), str):
            return str(one["message"])
    return "without a reason"

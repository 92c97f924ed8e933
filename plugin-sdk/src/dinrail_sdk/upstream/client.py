"""The relay: what is asked, checked, repeated and translated, over whatever engine carries it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from pydantic import BaseModel

from dinrail_core.api.answers import Answer, Stream
from dinrail_core.api.call import Call
from dinrail_core.errors import DinrailError, Unauthenticated, UpstreamError, UpstreamInvalid, UpstreamTimeout
from dinrail_sdk.upstream.answers import check_object, handed_on, reported
from dinrail_sdk.upstream.config import UpstreamConfig
from dinrail_sdk.upstream.errors import Refusal, Secrets, retry_after, translate, translate_reported
from dinrail_sdk.upstream.events import Events
from dinrail_sdk.upstream.framing import SSE, Framing
from dinrail_sdk.upstream.interface import Authorize, KeySource, Sign, Unsigned, Upstream
from dinrail_sdk.upstream.openai_events import OpenAIEvents
from dinrail_sdk.upstream.patience import Patience
from dinrail_sdk.upstream.pool import Origin, Pool, client_tls
from dinrail_sdk.upstream.reads import Reads
from dinrail_sdk.upstream.retries import delay_before_retry
from dinrail_sdk.upstream.transport import Outgoing, Reply, Transport, Unanswered

__all__ = ["Client", "open_client"]

T = TypeVar("T", bound=BaseModel)

_MAX_REFUSAL = 64 * 1024
_TARGET = re.compile(r"[!-~]+")
_TRACEPARENT = re.compile(r"[0-9a-f-]{1,256}")

_Headers = tuple[tuple[str, str], ...]

_GET: _Headers = (("accept", "application/json"),)
_JSON: _Headers = (("accept", "application/json"), ("content-type", "application/json"))


@asynccontextmanager
async def open_client(
    config: UpstreamConfig,
    *,
    user_agent: str,
    authorize: Authorize,
    more_headers: Mapping[str, str],
    key: KeySource | None = None,
    sign: Sign | None = None,
) -> AsyncIterator[Upstream]:
    """See :func:`dinrail_sdk.upstream.connect`."""
    url = config.base_url
    tls = await asyncio.to_thread(client_tls) if url.scheme == "https" else None
    assert url.host is not None
    assert url.port is not None
    headers = {name: value.get_secret_value() for name, value in config.headers.items()}
    # What carries the key is not common to all requests: a caller's own key takes its place.
    headers.pop(authorize("")[0], None)
    pool = Pool(
        Origin(url.host.strip("[]"), url.port, tls),
        # Bytes are to be handed on, so they are asked for as they are.
        headers=({"user-agent": user_agent, "accept-encoding": "identity"} | dict(more_headers) | headers).items(),
        patience=Patience(config.first_byte_timeout, config.idle_timeout, config.max_answer_bytes),
        connect_timeout=config.connect_timeout,
        most=config.max_connections,
    )
    try:
        yield Client(config, pool, authorize, key, sign)
    finally:
        await pool.close()


class Client(Upstream):
    """An upstream over a :class:`~dinrail_sdk.upstream.transport.Transport`.

    Args:
        config: Its address, key and limits.
        transport: Carries the requests; closed by whoever opened it.
        authorize: Turns a key into the header that carries it.
        key: Says the key of the moment, where there is none in the configuration.
        sign: Signs what carries no key.
    """

    def __init__(
        self,
        config: UpstreamConfig,
        transport: Transport,
        authorize: Authorize,
        key: KeySource | None = None,
        sign: Sign | None = None,
    ) -> None:
        self._transport = transport
        self._config = config
        self._authorize = authorize
        self._loop = asyncio.get_running_loop()
        url = config.base_url
        self._query = f"?{url.query}" if url.query else ""
        self._base = (url.path or "").rstrip("/")
        self._origin = f"{url.scheme}://{url.host}:{url.port}"
        name = authorize("")[0]
        self._key: _Headers = ()
        if config.api_key is not None:
            self._key = (authorize(config.api_key.get_secret_value()),)
        elif name in config.headers:
            self._key = ((name, config.headers[name].get_secret_value()),)
        self._source = None if self._key else key
        self._sign = None if self._key else sign
        self._common = tuple((name, value.get_secret_value()) for name, value in config.headers.items())
        secrets = [config.api_key, *config.headers.values()]
        self._configured = self._secrets = Secrets(
            [secret.get_secret_value() for secret in secrets if secret is not None]
        )

    async def answer(
        self, wire: type[T], path: str, body: bytes | None, call: Call, *, method: str = "POST"
    ) -> Answer[T]:
        """See :meth:`Upstream.answer`."""
        reply = await self._open(method, path, body, call, _GET if body is None else _JSON)
        try:
            _expect(reply.headers, b"json")
            text = await reply.whole(self._config.max_answer_bytes)
        finally:
            reply.leave()
        report = check_object(wire, text)
        if report is not None:
            raise self._reported(report, call)
        return Answer(wire, body=text, headers=handed_on(reply.headers))

    async def stream(
        self,
        wire: type[T],
        path: str,
        body: bytes,
        call: Call,
        *,
        events: Callable[[], Events] | None = None,
        framing: Framing = SSE,
    ) -> Stream[T]:
        """See :meth:`Upstream.stream`."""
        headers = (("accept", framing.accept), ("content-type", "application/json"))
        reply = await self._open("POST", path, body, call, headers)
        try:
            await self._expect_events(reply, call, framing)
            reads = Reads(
                reply, (events or OpenAIEvents)(), framing.cutter(), lambda report: self._reported(report, call)
            )
            await reads.begin()
        except BaseException:
            reply.leave()
            raise
        return Stream(wire, reads=reads, headers=handed_on(reply.headers))

    async def get(self, path: str, call: Call) -> bytes:
        """See :meth:`Upstream.get`."""
        return await self._body(await self._open("GET", path, None, call, _GET))

    async def post(self, path: str, body: bytes, call: Call, *, content_type: str = "application/json") -> bytes:
        """See :meth:`Upstream.post`."""
        headers = (*_GET, ("content-type", content_type))
        return await self._body(await self._open("POST", path, body, call, headers))

    async def _body(self, reply: Reply) -> bytes:
        try:
            return await reply.whole(self._config.max_answer_bytes)
        finally:
            reply.leave()

    async def _open(self, method: str, path: str, body: bytes | None, call: Call, headers: _Headers) -> Reply:
        """Send until there is an answer whose status is good."""
        if not _TARGET.fullmatch(path):
            raise ValueError(f"The path {path!r} is not encoded.")
        now = self._loop.time()
        remaining = call.remaining()
        if remaining == 0.0:
            raise UpstreamTimeout("There is no time left to ask the upstream.")
        total = self._config.total_timeout
        target = f"{path if path.startswith('/') else f'{self._base}/{path}'}{self._query}"
        own = await self._own(call)
        if self._sign is not None and call.upstream_key is None:
            own += tuple(await self._sign(Unsigned(method, self._origin + target, headers + self._common, body)))
        request = Outgoing(
            method=method,
            target=target,
            headers=headers + own,
            body=body,
            until=now + (total if remaining is None else min(total, remaining)),
        )
        tried = 0
        while True:
            tried += 1
            error: DinrailError
            try:
                reply = await self._transport.send(request)
            except Unanswered as failure:
                error, status = failure, None
            else:
                if 200 <= reply.status < 300:
                    return reply
                error, status = await self._refused(reply, call), reply.status
            config = self._config
            again = tried <= config.max_retries
            delay = delay_before_retry(error, status, tried, config.retry_delay) if again else None
            if delay is None or self._loop.time() + delay >= request.until:
                raise error
            await asyncio.sleep(delay)

    async def _own(self, call: Call) -> _Headers:
        """The key, and what belongs to this call alone."""
        own = self._key
        if call.upstream_key is not None:
            key = call.upstream_key.get_secret_value()
            if not key or not key.isascii() or not key.isprintable():
                raise Unauthenticated("The key for the upstream is not one that can be sent.")
            own = (self._authorize(key),)
        elif self._source is not None:
            key = await self._source()
            self._secrets = self._configured.and_also(key)
            own = (self._authorize(key),)
        if call.traceparent is not None and _TRACEPARENT.fullmatch(call.traceparent):
            own = (*own, ("traceparent", call.traceparent))
        return own

    async def _refused(self, reply: Reply, call: Call) -> DinrailError:
        try:
            text = await reply.whole(_MAX_REFUSAL)
        except UpstreamError:
            # The status alone says enough; what was to explain it is cut, endless or late.
            text = b""
        finally:
            reply.leave()
        return translate(
            Refusal(
                status=reply.status,
                body=text,
                retry_after=retry_after(reply.headers),
                callers_key=call.upstream_key is not None,
                secrets=self._secrets_of(call),
            )
        )

    async def _expect_events(self, reply: Reply, call: Call, framing: Framing) -> None:
        """Some servers answer 200 with a plain object where a stream cannot begin."""
        kind = reply.headers.get(b"content-type", framing.kind).lower()
        if (
            b"json" in kind
            and framing.kind not in kind
            and (report := reported(await reply.whole(_MAX_REFUSAL))) is not None
        ):
            raise self._reported(report, call)
        _expect(reply.headers, framing.kind)

    def _reported(self, report: Mapping[str, object], call: Call) -> DinrailError:
        return translate_reported(report, callers_key=call.upstream_key is not None, secrets=self._secrets_of(call))

    def _secrets_of(self, call: Call) -> Secrets:
        key = call.upstream_key
        return self._secrets if key is None else self._secrets.and_also(key.get_secret_value())


def _expect(headers: Mapping[bytes, bytes], kind: bytes) -> None:
    """Some servers do not say what they send; one that says something else is believed."""
    said = headers.get(b"content-type")
    if said is not None and kind not in said.lower():
        shown = said.split(b";")[0].decode("latin-1")[:100]
        raise UpstreamInvalid(f"The upstream answered with {shown} instead of {kind.decode()}.")

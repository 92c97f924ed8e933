"""A file over HTTP: resumed where it broke off, checked, and moved into place when it is whole.

Blocking, for a thread of its own: the standard library's client knows proxies, redirects and the system's certificates,
and a model is fetched by one person at a time.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from dinrail_core.errors import (
    NotFound,
    Unavailable,
    UpstreamError,
    UpstreamFailed,
    UpstreamInvalid,
    UpstreamRefused,
    UpstreamUnavailable,
)

__all__ = ["Download", "Progress", "Stopped", "check_file", "sha256_of"]

_CHUNK = 1 << 20
_TIMEOUT = 30.0
_TRIES = 4
_MAGIC = b"GGUF"
_SHA256_DIGITS = 64


class Stopped(Exception):
    """Whoever wanted the file has left."""


@dataclass(slots=True)
class Progress:
    """How far it is; written by the thread that fetches, read by the one that tells.

    Attributes:
        done: Bytes that are there.
        total: Bytes of the whole, once known.
        note: What is being done.
        stop: Set by whoever does not want the file any more.
    """

    done: int = 0
    total: int | None = None
    note: str = ""
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Give up where nobody waits.

        Raises:
            Stopped: Nobody waits.
        """
        if self.stop.is_set():
            raise Stopped


class _Interrupted(Exception):
    """The connection broke, or the server had a bad moment: trying again may help."""


class Download:
    """One file.

    Args:
        url: Where it is.
        target: Where it is to be; its folder exists.
        sha256: Its checksum, where that is known beforehand.
        token: Sent to the host of ``url`` alone, not to where it redirects.
        ask_hub: Whether the server is a model hub, which tells the checksum in the headers of its redirect.
        pause: Seconds before the second try; longer before each further one.
    """

    def __init__(
        self,
        url: str,
        target: Path,
        *,
        sha256: str | None = None,
        token: str | None = None,
        ask_hub: bool = False,
        pause: float = 0.5,
    ) -> None:
        self._url = url
        self._target = target
        self._part = target.with_name(f".{target.name}.part")
        self._state = target.with_name(f".{target.name}.json")
        self._sha256 = sha256
        self._token = token
        self._ask_hub = ask_hub
        self._pause = pause

    def fetch(self, progress: Progress) -> None:
        """Fetch it.

        Raises:
            NotFound: The server has no such file.
            UpstreamError: It cannot be reached, or sends something else; what came is kept for the next try unless
                its checksum is wrong.
            Stopped: See :class:`Progress`.
        """
        if self._ask_hub:
            self._sha256 = self._sha256 or self._hub_checksum()
        if self._is_there(progress):
            return
        for number in range(1, _TRIES + 1):
            try:
                self._continue(progress)
                break
            except _Interrupted as interruption:
                if number == _TRIES:
                    raise UpstreamUnavailable(
                        f"{_host(self._url)} cannot be reached or breaks off ({interruption}). "
                        "Run the same command again to go on from here."
                    ) from interruption
                progress.note = f"interrupted, try {number + 1}"
                if progress.stop.wait(self._pause * number):
                    raise Stopped from None
        self._finish(progress)

    def _is_there(self, progress: Progress) -> bool:
        """Whether the file is in place already; without a checksum, any that is there is taken for it."""
        if not self._target.is_file():
            return False
        if self._sha256 is not None:
            progress.note = "checking what is there"
            if sha256_of(self._target, progress) != self._sha256:
                return False
        progress.total = progress.done = self._target.stat().st_size
        return True

    def _continue(self, progress: Progress) -> None:
        """Fetch what is missing."""
        there, etag = self._resumable()
        request = self._request("GET")
        if there:
            request.add_header("Range", f"bytes={there}-")
            if etag is not None:
                request.add_header("If-Range", etag)
        try:
            with _opener().open(request, timeout=_TIMEOUT) as answer:
                if answer.status == 206 and _range_start(answer.headers) != there:
                    self._forget()
                    raise _Interrupted("the server sent another part than was asked for")
                if answer.status != 206:
                    there = 0  # the whole, because it has changed or because the server knows no parts
                self._take(answer, there, progress)
        except HTTPError as error:
            self._refused(error, there)
        except (URLError, http.client.HTTPException, OSError) as error:
            reason = error.reason if isinstance(error, URLError) else error
            raise _Interrupted(str(reason) or type(reason).__name__) from error

    def _take(self, answer: http.client.HTTPResponse, there: int, progress: Progress) -> None:
        length = answer.headers.get("Content-Length")
        progress.total = there + int(length) if length and length.isdecimal() else None
        progress.done = there
        progress.note = "fetching"
        self._remember(answer.headers)
        if progress.total is not None:
            _ensure_room(self._part.parent, progress.total - there)
        with self._part.open("r+b" if there else "wb") as file:
            file.seek(there)
            file.truncate()
            while read := answer.read(_CHUNK):
                progress.check()
                file.write(read)
                progress.done += len(read)
        if progress.total is not None and progress.done < progress.total:
            raise _Interrupted(f"{progress.total - progress.done} bytes are missing")

    def _refused(self, error: HTTPError, there: int) -> None:
        """Say what a status means."""
        with error:
            status = error.code
            if status == 416 and there:
                if error.headers.get("Content-Range", "").rpartition("/")[2] == str(there):
                    return  # it was whole already
                self._forget()
                raise _Interrupted("what was there does not fit to what the server has") from None
        host = _host(self._url)
        if 300 <= status < 400:
            raise UpstreamInvalid(f"{host} leads to an address that is not followed.") from None
        if status in (404, 410):
            raise NotFound(f"{host} has no such file.") from None
        if status in (401, 403):
            raise UpstreamRefused(f"{host} does not give this file to us ({status}); it may need a token.") from None
        if status in (408, 425, 429) or status >= 500:
            raise _Interrupted(f"status {status}") from None
        raise UpstreamFailed(f"{host} answered with status {status}.") from None

    def _finish(self, progress: Progress) -> None:
        progress.note = "checking"
        try:
            check_file(self._part, self._sha256, progress)
        except UpstreamError:
            self._forget()
            raise
        os.replace(self._part, self._target)
        self._state.unlink(missing_ok=True)
        progress.total = progress.done = self._target.stat().st_size

    def _hub_checksum(self) -> str | None:
        """What a hub tells about a large file beside its redirect; ``None`` where it tells nothing."""
        try:
            with _opener(follow=False).open(self._request("HEAD"), timeout=_TIMEOUT) as answer:
                headers: Message = answer.headers
        except HTTPError as error:
            with error:
                if not 300 <= error.code < 400:
                    return None  # the request for the file itself will tell what is wrong
                headers = error.headers
        except (URLError, http.client.HTTPException, OSError):
            return None
        etag = (headers.get("X-Linked-Etag") or "").removeprefix("W/").strip('"').lower()
        is_sha256 = len(etag) == _SHA256_DIGITS and all(digit in "0123456789abcdef" for digit in etag)
        return etag if is_sha256 else None

    def _request(self, method: str) -> Request:
        headers = {"User-Agent": "dinrail", "Accept-Encoding": "identity"}
        request = Request(self._url, method=method, headers=headers)  # noqa: S310 (parse allows http and https alone)
        if self._token is not None:
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        return request

    def _resumable(self) -> tuple[int, str | None]:
        """How much is there of the same file, and by what the server knows that it still is."""
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
            if state["url"] == self._url and (state["etag"] or self._sha256):
                return self._part.stat().st_size, state["etag"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return 0, None

    def _remember(self, headers: Message) -> None:
        etag = headers.get("ETag") or headers.get("Last-Modified")
        # A weak mark says nothing about single bytes (RFC 9110, section 13.1.5).
        state = {"url": self._url, "etag": None if (etag or "").startswith("W/") else etag}
        self._state.write_text(json.dumps(state), encoding="utf-8")

    def _forget(self) -> None:
        self._part.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> None:
        return None


class _SafeRedirects(HTTPRedirectHandler):
    """Follows to the web alone, and from a safe place to safe places only."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> Request | None:
        allowed = ("https://",) if req.full_url.startswith("https://") else ("https://", "http://")
        if not newurl.startswith(allowed):
            raise UpstreamInvalid(f"{_host(req.full_url)} leads to an address that is not followed.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(*, follow: bool = True) -> OpenerDirector:
    return build_opener(_SafeRedirects if follow else _NoRedirects)


def check_file(file: Path, sha256: str | None, progress: Progress) -> None:
    """See whether a file is a model, and the right one.

    Raises:
        UpstreamInvalid: It is not.
    """
    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            raise UpstreamInvalid("What came is no GGUF file.")
    if sha256 is not None and (found := sha256_of(file, progress)) != sha256:
        raise UpstreamInvalid(f"What came is damaged or another file: its SHA-256 is {found}, not {sha256}.")


def sha256_of(file: Path, progress: Progress) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while read := opened.read(_CHUNK):
            progress.check()
            digest.update(read)
    return digest.hexdigest()


def _ensure_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Unavailable(f"The disk has {free // 1_000_000} MB free, and {needed // 1_000_000} MB are needed.")


def _range_start(headers: Message) -> int | None:
    """The first byte of ``Content-Range: bytes 5-9/10``."""
    with suppress(ValueError):
        return int(headers.get("Content-Range", "").removeprefix("bytes").strip().partition("-")[0])
    return None


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]

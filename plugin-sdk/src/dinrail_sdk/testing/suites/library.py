"""The conformance suite of :class:`~dinrail_core.api.provider.ModelLibrary`."""

from __future__ import annotations

import asyncio
import hashlib
import random
from contextlib import aclosing
from urllib.parse import unquote

from dinrail_core.api.provider import ModelLibrary, PullProgress
from dinrail_core.errors import Conflict, DinrailError, NotFound, RequestError, UpstreamError
from dinrail_sdk.testing.bench import Bench, attempt, expect
from dinrail_sdk.testing.delivery import AT_ONCE, cut, garbage, paused
from dinrail_sdk.testing.script import Refused
from dinrail_sdk.testing.shelf import start_of
from dinrail_sdk.testing.suite import Suite, case
from dinrail_sdk.testing.suites.conduct import BLOCK_LIMIT
from dinrail_sdk.testing.upstream import Turn
from dinrail_sdk.testing.watchdog import LoopWatch

__all__ = ["ModelLibrarySuite"]

PATH = "/kit-model.gguf"
PULL_LIMIT = 15.0
"""Seconds that a pull may take to give up, further tries of its own included."""


class ModelLibrarySuite(Suite):
    """What a provider that fetches models must do, shown with a file that it fetches from the kit's upstream.

    A class that tests a provider which pulls names instead of addresses overrides :meth:`pull_name`, and one whose
    models are not GGUF files :meth:`model_file`.
    """

    def pull_name(self, url: str, sha256: str) -> str:
        """What :meth:`ModelLibrary.pull` is to be given for a file.

        Args:
            url: Where the kit's upstream hands it out.
            sha256: Its checksum, in hexadecimal, for providers that want to be told.
        """
        return url

    def model_file(self, seed: int = 1) -> bytes:
        """A file that the provider takes for a model, another one for each seed; about four megabytes."""
        return b"GGUF\x03\x00\x00\x00" + random.Random(seed).randbytes(4_000_000)  # noqa: S311 the same bytes every time

    @case()
    async def test_pull_declared(self, bench: Bench) -> None:
        """What opens is a ``ModelLibrary``, and the record says so.

        Troubleshooting: add ``ModelLibrary`` to ``apis`` and to the bases of the provider's class.
        """
        assert ModelLibrary in self.provider.apis, f"`apis` of {self.provider.name!r} lacks ModelLibrary."
        assert isinstance(bench.provider, ModelLibrary), "What opens is no ModelLibrary, as `apis` says."

    @case()
    async def test_pull_whole(self, bench: Bench) -> None:
        """A pull ends with all bytes there, and says so last.

        Troubleshooting: yield a last :class:`PullProgress` whose ``done`` and ``total`` are the file's size.
        """
        content = self._put(bench)
        last = (await self._pull(bench))[-1]
        assert (last.done, last.total) == (len(content), len(content)), f"The last that was told is {last}."

    @case("local_files")
    async def test_pull_content(self, bench: Bench) -> None:
        """What was pulled stands in the instance's folder, byte for byte, and nothing half-fetched beside it.

        Troubleshooting: write to a file of another name, and move it into place when it is whole and checked.
        """
        content = self._put(bench)
        await self._pull(bench)
        assert self._stored(bench, content) == 1, "No file in the instance's folder has the content that was sent."
        large = [path.name for path in bench.folder.rglob("*") if path.is_file() and path.stat().st_size > 10_000]
        assert len(large) == 1, f"Something is left beside it: {large}"

    @case()
    async def test_pull_progress(self, bench: Bench) -> None:
        """While it works, a pull tells how far it is: never less than before, never more than all.

        Troubleshooting: yield as bytes come, not at the end alone; ``total`` is ``None`` until it is known.
        """
        content = self._put(bench)
        bench.upstream.says(delivery=paused(0.02))
        steps = await self._pull(bench)
        done = [step.done for step in steps]
        assert done == sorted(done), f"It went backwards: {done}"
        assert all(step.total in (None, len(content)) for step in steps), f"The total is wrong: {steps}"
        assert max(done) <= len(content), f"More came than there is: {max(done)}"
        between = [one for one in done if 0 < one < len(content)]
        assert between, f"Nothing was told between the beginning and the end: {done}"

    @case("resuming")
    async def test_pull_resumes(self, bench: Bench) -> None:
        """A pull that broke off goes on from there, within it or with the next one.

        Troubleshooting: keep what came, and ask for the rest with ``Range`` and ``If-Range``.
        """
        content = self._put(bench)
        bench.upstream.then(Turn(delivery=cut(8)))
        await self._until_there(bench)
        starts = [start_of(one.request, content) for one in bench.upstream.fetched if one.request.method == "GET"]
        assert len(starts) == 2, f"It took {len(starts)} requests."
        assert starts[1] > 0, "All was fetched again from the beginning."
        if "local_files" not in self.unsupported:
            assert self._stored(bench, content) == 1, "What was put together from two parts is not the file."

    @case("resuming", "local_files")
    async def test_pull_changed_meanwhile(self, bench: Bench) -> None:
        """A file that has changed since the pull broke off is fetched anew, not mixed of both.

        Troubleshooting: send the ``ETag`` of what came first as ``If-Range``, and begin anew where 200 comes, not 206.
        """
        first, second = self.model_file(1), self.model_file(2)
        bench.upstream.shelf[PATH] = first
        bench.upstream.then(Turn(delivery=cut(8)))
        waiting = asyncio.ensure_future(self._until_there(bench))
        received = await bench.upstream.fetch()
        await received.exchange.finished.wait()
        bench.upstream.shelf[PATH] = second
        await waiting
        assert self._stored(bench, second) == 1, "What stands in the folder is not the file that is there now."

    @case()
    async def test_pull_again(self, bench: Bench) -> None:
        """Pulling what is there already ends well.

        Troubleshooting: a file that exists is no error; see whether it is the right one.
        """
        content = self._put(bench)
        await self._pull(bench)
        last = (await self._pull(bench))[-1]
        assert last.done == len(content), f"The second pull ended with {last}."

    @case()
    async def test_pull_missing(self, bench: Bench) -> None:
        """What does not exist is ``NotFound``, at once and without a trace.

        Troubleshooting: 404 is final; another try finds nothing either.
        """
        await expect(self._pull(bench), NotFound, after="404 for the file")
        assert not self._models(bench), f"Something was stored: {self._models(bench)}"

    @case()
    async def test_pull_failing(self, bench: Bench) -> None:
        """A place that fails all the time is an ``UpstreamError``, and nothing is taken for a model.

        Troubleshooting: give up after a few tries; translate your client's errors.
        """
        self._put(bench)
        bench.upstream.says(Refused(status=500))
        await expect(self._pull(bench), UpstreamError, after="500, each time")
        assert not self._models(bench), f"Something was stored: {self._models(bench)}"

    @case()
    async def test_pull_broken_off(self, bench: Bench) -> None:
        """A file that breaks off each time is an ``UpstreamError``, and what came is not taken for a model.

        Troubleshooting: compare what came with ``Content-Length`` before the file is moved into place.
        """
        content = self._put(bench)
        bench.upstream.says(delivery=cut(0))
        await expect(self._pull(bench), UpstreamError, after="A connection that breaks off each time")
        assert not self._stored(bench, content), "The whole file is there although it never came."
        assert not self._models(bench), f"What came in part is taken for a model: {self._models(bench)}"

    @case("verifying")
    async def test_pull_garbage(self, bench: Bench) -> None:
        """Something else than a model (a page that asks to log in) is an ``UpstreamError``, and is thrown away.

        Troubleshooting: look at the file's first bytes, or at a checksum, before it is moved into place.
        """
        content = self._put(bench)
        bench.upstream.says(delivery=garbage())
        await expect(self._pull(bench), UpstreamError, after="A web page in place of the file")
        assert not self._models(bench), f"It is taken for a model: {self._models(bench)}"
        bench.upstream.says()
        last = (await self._pull(bench))[-1]
        assert last.done == len(content), f"After the garbage, the file itself ended with {last}."

    @case()
    async def test_pull_given_up(self, bench: Bench) -> None:
        """A pull that is given up closes its connection within two seconds, and the next one works.

        Troubleshooting: stop in a ``finally`` of the generator; a thread that reads looks now and then whether it may.
        """
        content = self._put(bench)
        bench.upstream.says(delivery=paused(0.05))
        async with aclosing(bench.provider.pull(self._name(bench))) as steps:
            async for step in steps:
                if step.done:
                    break
        received = bench.upstream.fetched[-1]
        try:
            async with asyncio.timeout(2.0):
                await received.exchange.left.wait()
        except TimeoutError:
            raise AssertionError("The connection is still held 2 s after the pull was given up.") from None
        bench.upstream.says(delivery=AT_ONCE)
        last = (await self._pull(bench))[-1]
        assert last.done == len(content), f"The next pull ended with {last}."

    @case()
    async def test_pull_twice_at_once(self, bench: Bench) -> None:
        """Two pulls of one model at once both end well, or one of them with ``Conflict``; the file is whole.

        Troubleshooting: two writers to one file mix it up; take a lock, or share the work.
        """
        content = self._put(bench)
        bench.upstream.says(delivery=paused(0.01))
        outcomes = await asyncio.gather(attempt(self._pull(bench)), attempt(self._pull(bench)))
        errors = [error for _, error in outcomes if error is not None]
        assert len(errors) < 2, f"Both failed: {errors}"
        assert all(isinstance(error, Conflict) for error in errors), f"One failed with {errors}."
        if "local_files" not in self.unsupported:
            assert self._stored(bench, content) == 1, "What two pulls have written is not the file."

    @case("local_files")
    async def test_pull_stays_inside(self, bench: Bench) -> None:
        """A name that leads out of the folder writes nothing there.

        Troubleshooting: take the last part of the path alone for the file's name, percent-decoded, and look at it.
        """
        content = self.model_file()
        for path in ("/..%2f..%2fkit-escape.gguf", "/models%2f..%2f..%2fkit-escape.gguf"):
            bench.upstream.shelf[unquote(path)] = content
            _, error = await attempt(self._pull(bench, path))
            assert error is None or isinstance(error, DinrailError), f"It raised {error!r}."
            outside = [
                found for found in bench.folder.parent.rglob("*kit-escape*") if bench.folder not in found.parents
            ]
            outside += list(bench.folder.parent.parent.glob("*kit-escape*"))
            assert not outside, f"This was written outside the instance's folder: {outside}"

    @case()
    async def test_pull_nonsense(self, bench: Bench) -> None:
        """A name that means nothing is the caller's to mend, and says which names there are.

        Troubleshooting: ``NotFound`` or ``InvalidRequest``, before anything is asked.
        """
        for name in ("no such thing at all", "", "\x00"):
            error = await expect(self._collect(bench, name), RequestError, after=f"The name {name!r}")
            assert error.message.strip(), "The error says nothing."

    @case()
    async def test_pull_loop_stays_free(self, bench: Bench) -> None:
        """The event loop is never kept from running for more than 50 ms while a pull works.

        Troubleshooting: writing and checksums belong into a thread.
        """
        found: list[LoopWatch] = []
        for number in range(3):  # a busy machine can stop any thread for a while; what blocks does so each time
            path = f"/kit-model-{number}.gguf"
            bench.upstream.shelf[path] = self.model_file(number)
            async with LoopWatch() as watch:
                await self._pull(bench, path)
            if watch.longest <= BLOCK_LIMIT:
                return
            found.append(watch)
        least = min(found, key=lambda watch: watch.longest)
        raise AssertionError(f"The event loop was kept from running for {least.longest * 1000:.0f} ms:\n{least.where}")

    def _put(self, bench: Bench) -> bytes:
        content = bench.upstream.shelf[PATH] = self.model_file()
        return content

    def _name(self, bench: Bench, path: str = PATH) -> str:
        content = bench.upstream.shelf.get(unquote(path), b"")
        return self.pull_name(bench.upstream.origin + path, hashlib.sha256(content).hexdigest())

    async def _pull(self, bench: Bench, path: str = PATH) -> list[PullProgress]:
        return await self._collect(bench, self._name(bench, path))

    async def _collect(self, bench: Bench, name: str) -> list[PullProgress]:
        try:
            async with asyncio.timeout(PULL_LIMIT), aclosing(bench.provider.pull(name)) as steps:
                found = [step async for step in steps]
        except TimeoutError:
            raise AssertionError(f"The pull did not end within {PULL_LIMIT:g} s.") from None
        assert found, "Nothing was told."
        return found

    async def _until_there(self, bench: Bench) -> None:
        """Pull, and once more where the first was broken off."""
        _, error = await attempt(self._pull(bench))
        if error is not None:
            assert isinstance(error, UpstreamError), f"The pull that was broken off raised {error!r}."
            await self._pull(bench)

    def _stored(self, bench: Bench, content: bytes) -> int:
        """How many files in the instance's folder have this content."""
        files = (path for path in bench.folder.rglob("*") if path.is_file() and path.stat().st_size == len(content))
        return sum(path.read_bytes() == content for path in files)

    def _models(self, bench: Bench) -> list[str]:
        """Files that look like models in place: not hidden, and not marked as parts."""
        files = (path for path in bench.folder.rglob("*.gguf") if path.is_file())
        return [path.name for path in files if not path.name.startswith(".")]

"""``dinrail keys``, beside servers that are other processes."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from dinrail_access.commands import expiry
from dinrail_access.credentials import is_sound
from dinrail_core.api.api_keys import ApiKeys, CreateApiKey
from dinrail_core.api.call import Call
from dinrail_core.cli.program import main
from dinrail_sdk.testing import open_rail


@pytest.fixture
def keys(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Keys:
    monkeypatch.chdir(tmp_path)
    return Keys(tmp_path / "data", capsys)


class Keys:
    """Runs ``dinrail keys`` over one data folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.complaint = ""

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run it, and return what it prints."""
        self._capsys.readouterr()
        assert main(["--data-dir", str(self.folder), "keys", *arguments]) == code
        printed = self._capsys.readouterr()
        self.complaint = printed.err
        return printed.out

    def id_of(self, key: str) -> str:
        """The id of a key, as the list shows it."""
        (line,) = [line for line in self("list").splitlines() if line.split()[1:2] == [f"{key[:7]}…{key[-4:]}"]]
        return line.split()[0]


def test_a_key_is_made_before_the_first_start(keys: Keys) -> None:
    printed = keys("create", "--tenant", "acme", "--user", "ann", "--role", "admin", "--role", "x", "--name", "laptop")
    key = printed.splitlines()[0]
    assert is_sound(key)
    assert "acme/ann (admin, x)" in printed
    assert "cannot be shown again" in printed
    listed = keys("list")
    assert re.search(
        rf"^{keys.id_of(key)}  {key[:7]}…{key[-4:]}  acme/ann \(admin, x\)  in force +laptop$", listed, re.MULTILINE
    )
    assert key not in listed


def test_quiet_prints_the_key_and_nothing_else(keys: Keys) -> None:
    printed = keys("create", "--tenant", "acme", "--quiet")
    assert printed.count("\n") == 1
    assert is_sound(printed.strip())
    assert keys.complaint == ""


def test_without_keys_the_list_says_how_to_make_one(keys: Keys) -> None:
    assert "dinrail keys create" in keys("list")


def test_a_long_list_is_whole(keys: Keys) -> None:
    async def make(count: int) -> None:
        config = {"data_dir": str(keys.folder)}
        async with open_rail(config=config, plugins=["access", "database"]) as rail:
            service = await rail.service(ApiKeys)
            for number in range(count):
                await service.create(CreateApiKey(tenant=f"t{number}"), Call())

    asyncio.run(make(101))
    listed = keys("list").splitlines()
    assert [line.split()[2] for line in listed[1:]] == [f"t{number}" for number in range(101)]


def test_a_key_that_is_taken_back_stays_in_the_list_until_it_is_forgotten(keys: Keys) -> None:
    key = keys("create", "--tenant", "acme", "--quiet").strip()
    name = keys.id_of(key)
    assert "within five seconds" in keys("revoke", name)
    assert "revoked" in keys("list")
    keys("revoke", name, "--forget")
    assert "There are no keys" in keys("list")
    keys("revoke", name, code=1)
    assert keys.complaint == f"dinrail: There is no key '{name}'.\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--tenant", ""], "'tenant'"),
        (["--tenant", "a,b"], "'tenant'"),
        (["--tenant", "a", "--role", ""], "'roles.0'"),
        (["--tenant", "a", "--expires", "2020-01-01"], "would have expired already"),
        (["--tenant", "a", "--requests-per-minute", "0"], "'limits.requests_per_minute'"),
    ],
)
def test_what_makes_no_sense_is_one_line(keys: Keys, arguments: list[str], complaint: str) -> None:
    assert keys("create", *arguments, code=1) == ""
    assert complaint in keys.complaint
    assert keys.complaint.count("\n") == 1


def test_limits_and_an_end_are_shown_by_their_effect(keys: Keys) -> None:
    keys("create", "--tenant", "a", "--expires", "30d", "--stored-bytes", "5", "--concurrent-requests", "2")
    assert "until " in keys("list")


def test_an_end_is_a_span_or_a_time() -> None:
    now = time.time()
    assert expiry("90s") == pytest.approx(now + 90, abs=2)
    assert expiry("2w") == pytest.approx(now + 14 * 86_400, abs=2)
    assert expiry("2030-01-31") == 1_896_048_000
    assert expiry("2030-01-31T01:00:00+01:00") == 1_896_048_000
    for wrong in ("", "30", "d", "soon", "-1d", "2030-13-01"):
        with pytest.raises(argparse.ArgumentTypeError, match="30d"):
            expiry(wrong)


# --- with servers


@asynccontextmanager
async def served(folder: Path, *arguments: str) -> AsyncIterator[str]:
    """A server that is a process of its own; yields where it is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dinrail_core.cli", "--data-dir", str(folder), "serve", "--port", "0", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("DINRAIL_")},
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
        assert " listening on " in line
        yield line.split()[-1]
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)


async def statuses(url: str, key: str | None, times: int = 6) -> set[int]:
    """What requests on connections of their own come to; several workers answer them."""
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    found = set()
    for _ in range(times):
        async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{url}/models") as answer:
            found.add(answer.status)
    return found


async def become(wanted: int, url: str, key: str | None) -> None:
    begun = time.monotonic()
    while await statuses(url, key) != {wanted}:
        assert time.monotonic() - begun < 5
        await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_every_process_learns_of_a_key_and_of_its_end_within_five_seconds(keys: Keys) -> None:
    async with served(keys.folder, "--workers", "2") as one, served(keys.folder) as two:
        for url in (one, two):
            assert await statuses(url, None) == {200}
        key = (await asyncio.to_thread(keys, "create", "--tenant", "acme", "--quiet")).strip()
        other = (await asyncio.to_thread(keys, "create", "--tenant", "acme", "--quiet")).strip()
        await asyncio.gather(*(become(401, url, None) for url in (one, two)))
        for url in (one, two):
            assert await statuses(url, key) == {200}
        await asyncio.to_thread(keys, "revoke", await asyncio.to_thread(keys.id_of, key))
        await asyncio.gather(*(become(401, url, key) for url in (one, two)))
        for url in (one, two):
            assert await statuses(url, other) == {200}

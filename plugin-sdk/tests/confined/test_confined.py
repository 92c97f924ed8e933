"""Work in a child is limited, and whatever happens to it, the next call is done."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from dinrail_sdk.confined.faults import ConfinedFault
from dinrail_sdk.confined.parent import Confined, Limits

HERE = str(Path(__file__).parent)
LIMITS = Limits(cpu_seconds=1, seconds=30.0, memory=1024**3, output=10_000)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]))


async def test_a_child_is_kept_and_its_noise_is_no_answer() -> None:
    confined = Confined("confined_work", LIMITS)
    async with confined.running():
        first = await confined.call("echo", {"value": {"a": ["ü", None]}})
        assert await confined.call("noise", {}) == "quiet"
        again = await confined.call("echo", {"value": 1})
    assert first["value"] == {"a": ["ü", None]}
    assert first["process"] == again["process"] != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(first["process"], 0)


@pytest.mark.parametrize(
    ("function", "code"),
    [
        ("fault", "odd"),
        ("raise_it", "failed"),
        ("spin", "limit_exceeded"),
        ("eat", "limit_exceeded"),
        ("crash", "failed"),
    ],
)
async def test_whatever_happens_is_one_fault_and_the_next_call_is_done(function: str, code: str) -> None:
    confined = Confined("confined_work", LIMITS)
    async with confined.running():
        with pytest.raises(ConfinedFault) as fault:
            await confined.call(function, {})
        assert fault.value.code == code
        assert "secret" not in fault.value.message
        assert (await confined.call("echo", {"value": 1}))["value"] == 1


async def test_the_clock_and_the_size_of_an_answer_are_limits_too() -> None:
    confined = Confined("confined_work", Limits(cpu_seconds=1, seconds=3.0, memory=1024**3, output=10_000))
    async with confined.running():
        for function, arguments in (("hang", {}), ("echo", {"value": "x" * 20_000})):
            with pytest.raises(ConfinedFault) as fault:
                await confined.call(function, arguments)
            assert fault.value.code == "limit_exceeded"


async def test_a_call_that_nobody_waits_for_ends_its_child() -> None:
    confined = Confined("confined_work", LIMITS)
    async with confined.running():
        process = (await confined.call("echo", {"value": 1}))["process"]
        call = asyncio.create_task(confined.call("hang", {}))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_the_child_imports_little() -> None:
    assert "dinrail_sdk.confined.child" not in sys.modules

from __future__ import annotations

import asyncio
import os
import signal
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.provider import State
from dinrail_core.errors import ModelNotFound, UpstreamTimeout, UpstreamUnavailable
from dinrail_core.hooks import Context
from dinrail_llamacpp import supervision
from dinrail_llamacpp.catalogue import DEFAULT_MODEL
from dinrail_llamacpp.found import LocalModel
from dinrail_llamacpp.plugin import LlamaCppConfig
from dinrail_llamacpp.provider import Here, open_provider
from dinrail_llamacpp.supervision import Supervised
from dinrail_sdk.testing.bench import EmptyRail

pytestmark = pytest.mark.xdist_group("llamacpp")

SMALL = {"threads": 1, "context": 256, "parallel": 1}


def ask(model: str = DEFAULT_MODEL, **more: Any) -> ChatRequest:
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    return ChatRequest.model_validate(
        {"model": model, "messages": messages, "temperature": 0, "max_tokens": 10, **more}
    )


@asynccontextmanager
async def opened(folder: Path, **config: Any) -> AsyncIterator[Here]:
    checked = LlamaCppConfig.model_validate({"models": {DEFAULT_MODEL: SMALL}, **config})
    context = Context(name="llamacpp", data_dir=folder, rail=EmptyRail())
    async with open_provider(checked, context) as provider:
        assert isinstance(provider, Here)
        yield provider


def supervised(provider: Here, model: str = DEFAULT_MODEL) -> Supervised:
    (found,) = [one for one in provider._supervisor.models if one.model.name == model]
    return found


def pid_of(provider: Here, model: str = DEFAULT_MODEL) -> int:
    run = supervised(provider, model).run
    assert run is not None
    assert run.process is not None
    return run.process.pid


async def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return b"Z" not in Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False


async def test_nothing_is_loaded_before_it_is_asked(tmp_path: Path) -> None:
    async with opened(tmp_path) as provider:
        assert [model.id for model in await provider.models()] == [DEFAULT_MODEL]
        assert (await provider.health()).state is State.READY
        assert list(provider._supervisor.models) == []


async def test_requests_at_once_share_one_start_and_it_ends_with_the_provider(tmp_path: Path) -> None:
    async with opened(tmp_path) as provider:
        answers = await asyncio.gather(*(provider.complete(ask(), Call()) for _ in range(3)))
        assert {answer.value.choices[0].message.content for answer in answers} == {"The capital of France is Paris."}
        assert {answer.value.model for answer in answers} == {DEFAULT_MODEL}
        pid = pid_of(provider)
        began = time.monotonic()
    assert not alive(pid)
    assert time.monotonic() - began < 1.5
    assert (tmp_path / "logs" / f"{DEFAULT_MODEL}.log").stat().st_mode & 0o077 == 0


async def test_a_child_that_dies_fails_what_is_under_way_and_is_replaced(tmp_path: Path) -> None:
    async with opened(tmp_path) as provider:
        stream = await provider.stream(ask(max_tokens=200, ignore_eos=True), Call())
        reads = stream.reads()
        await anext(reads)
        whole = asyncio.create_task(provider.complete(ask(max_tokens=200, ignore_eos=True), Call()))
        await asyncio.sleep(0.1)  # the second request is on its way, or waits for its turn
        first = pid_of(provider)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(UpstreamUnavailable, match="process has ended"):
            async for _ in reads:
                pass
        await stream.aclose()
        with pytest.raises(UpstreamUnavailable, match="process has ended"):
            await whole
        answer = await provider.complete(ask(), Call())
        assert "Paris" in answer.body.decode()
        assert pid_of(provider) != first


async def test_a_stream_that_is_closed_early_gives_the_model_back(tmp_path: Path) -> None:
    async with opened(tmp_path) as provider:
        stream = await provider.stream(ask(max_tokens=200, ignore_eos=True), Call())
        assert supervised(provider).leases == 1
        await anext(stream.reads())
        await stream.aclose()
        assert supervised(provider).leases == 0
        unread = await provider.stream(ask(), Call())
        await unread.aclose()
        assert supervised(provider).leases == 0


async def test_a_key_of_the_callers_is_not_for_our_child(tmp_path: Path) -> None:
    from pydantic import SecretStr

    async with opened(tmp_path) as provider:
        answer = await provider.complete(ask(), Call(upstream_key=SecretStr("sk-of-somebody")))
        assert "Paris" in answer.body.decode()


async def test_a_file_that_is_no_model_says_so_and_is_tried_less_and_less_often(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and then nonsense")
    async with opened(tmp_path, models={"broken": str(broken)}) as provider:
        with pytest.raises(UpstreamUnavailable, match="could not be loaded") as caught:
            await provider.complete(ask("broken"), Call())
        assert str(tmp_path) not in caught.value.message
        for _ in range(2):
            with pytest.raises(UpstreamUnavailable, match="could not be loaded"):
                await provider.complete(ask("broken"), Call())
        assert supervised(provider, "broken")._not_before > time.monotonic()
        assert (await provider.health()).state is State.DEGRADED


async def test_a_child_that_keeps_dying_is_given_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "_FIRST_DELAY", 60.0)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and then nonsense")
    async with opened(tmp_path, models={"broken": str(broken)}) as provider:
        for _ in range(2):
            with pytest.raises(UpstreamUnavailable, match="could not be loaded"):
                await provider.complete(ask("broken"), Call())
        with pytest.raises(UpstreamUnavailable, match="several times") as caught:
            await provider.complete(ask("broken"), Call())
        assert caught.value.retry_after is not None
        assert 20 < caught.value.retry_after <= 30


async def test_a_call_whose_time_is_up_does_not_stop_the_start(tmp_path: Path) -> None:
    async with opened(tmp_path) as provider:
        with pytest.raises(UpstreamTimeout):
            await provider.complete(ask(), Call(deadline=time.time() + 0.05))
        begun = supervised(provider).run
        assert begun is not None
        await provider.complete(ask(), Call())
        assert supervised(provider).run is begun


async def test_a_model_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    async with opened(tmp_path, start_timeout=0.05) as provider:
        with pytest.raises(UpstreamUnavailable, match=r"not loaded within 0\.05 s"):
            await provider.complete(ask(), Call())
        pid = pid_of(provider)
        await until(lambda: not alive(pid))


async def test_an_unknown_model_is_not_found(tmp_path: Path) -> None:
    async with opened(tmp_path) as provider:
        with pytest.raises(ModelNotFound, match="dinrail models pull") as caught:
            await provider.complete(ask("gpt-4o"), Call())
        assert caught.value.param == "model"


async def test_a_model_that_is_not_there_yet_is_found_when_it_comes(tmp_path: Path, smollm2: LocalModel) -> None:
    async with opened(tmp_path, models={"late": SMALL}) as provider:
        with pytest.raises(ModelNotFound):
            await provider.complete(ask("late"), Call())
        health = await provider.health()
        assert health.state is State.DEGRADED
        assert "late" in (health.reason or "")
        (tmp_path / "models").mkdir()
        (tmp_path / "models" / "late.gguf").symlink_to(smollm2.file)
        assert (await provider.complete(ask("late"), Call())).value.choices


async def test_the_model_that_was_used_longest_ago_makes_room(tmp_path: Path, smollm2: LocalModel) -> None:
    config = {name: {**SMALL, "path": str(smollm2.file)} for name in ("a", "b")}
    async with opened(tmp_path, models=config, max_loaded=1) as provider:
        await provider.complete(ask("a"), Call())
        first = pid_of(provider, "a")
        stream = await provider.stream(ask("a", max_tokens=60, ignore_eos=True), Call())
        waiting = asyncio.create_task(provider.complete(ask("b"), Call()))
        with pytest.raises(UpstreamUnavailable, match="no more may be loaded"):
            await provider.complete(ask("b"), Call(deadline=time.time() + 0.2))
        assert alive(first), "A model that is in use was unloaded."
        async for _ in stream.reads():
            pass
        assert (await waiting).value.choices
        assert not alive(first)
        assert [one.model.name for one in provider._supervisor.models if one.loaded] == ["b"]


async def test_two_servers_on_one_folder_share_a_child_and_take_over(tmp_path: Path) -> None:
    async with opened(tmp_path) as first, opened(tmp_path) as second:
        one, two = await asyncio.gather(first.complete(ask(), Call()), second.complete(ask(), Call()))
        assert one.value.choices == two.value.choices
        runs = [server for server in (first, second) if supervised(server).run is not None]
        assert len(runs) == 1, "Each has loaded the model."
        owner, other = (first, second) if runs == [first] else (second, first)
        await owner.close()
        assert "Paris" in (await other.complete(ask(), Call())).body.decode()
        assert supervised(other).run is not None


async def test_two_servers_with_other_settings_do_not_share(tmp_path: Path) -> None:
    async with opened(tmp_path) as first, opened(tmp_path, models={DEFAULT_MODEL: {**SMALL, "context": 300}}) as second:
        await first.complete(ask(), Call())
        await second.complete(ask(), Call())
        assert supervised(second).run is not None
        assert pid_of(first) != pid_of(second)


SERVER = """
    import asyncio, sys
    from pathlib import Path
    from dinrail_core.api.call import Call
    from dinrail_core.api.chat.request import ChatRequest
    from dinrail_core.hooks import Context
    from dinrail_llamacpp.plugin import LlamaCppConfig
    from dinrail_llamacpp.provider import open_provider

    async def main():
        config = LlamaCppConfig.model_validate({"models": {"smollm2": {"threads": 1, "context": 256, "parallel": 1}}})
        async with open_provider(config, Context(name="l", data_dir=Path(sys.argv[1]), rail=None)) as provider:
            request = {"model": "smollm2", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}
            await provider.complete(ChatRequest.model_validate(request), Call())
            (one,) = provider._supervisor.models
            print(one.run.process.pid, flush=True)
            await asyncio.sleep(60)

    asyncio.run(main())
"""


@pytest.mark.parametrize("guard", ["both", "the pipe alone"])
async def test_a_server_that_is_killed_takes_its_child_with_it(
    tmp_path: Path, guard: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = textwrap.dedent(SERVER)
    if guard != "both":
        # As on a system whose kernel does not end children.
        (tmp_path / "sitecustomize.py").write_text("import sys\nsys.platform = 'other'\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        code = "import sys\nsys.platform = 'linux'\n" + code
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path / "data"), stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    child = int(await server.stdout.readline())
    assert alive(child)
    server.kill()
    await server.wait()
    await until(lambda: not alive(child), within=3.0)


async def test_what_a_child_prints_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as provider:
        await provider.complete(ask(), Call())
        with pytest.raises(Exception, match="grammar"):
            await provider.complete(ask(grammar="root ::= nothing"), Call())
        log = tmp_path / "logs" / f"{DEFAULT_MODEL}.log"
        await until(lambda: "error parsing grammar" in log.read_text())

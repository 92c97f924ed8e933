"""Containers and their files, whose they are, and for how long."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dinrail_core.api.call import Call, Principal
from dinrail_core.api.containers import (
    CodeInterpreter,
    Containers,
    CreateContainer,
    CreateContainerFile,
    ListContainerFilesQuery,
    ListContainersQuery,
)
from dinrail_core.api.files import Files, NewFile
from dinrail_core.api.items.code import CodeLogs
from dinrail_core.api.items.containers import AutoCodeContainer
from dinrail_core.errors import InvalidRequest, NotFound, RateLimited, TooLarge, UnsupportedFeature
from dinrail_core.hooks import Rail
from dinrail_sdk.testing.periodic import look_now

ANN, BEN = Call(principal=Principal("acme", "ann")), Call(principal=Principal("acme", "ben"))


async def source(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def bytes_of(containers: Containers, container_id: str, file_id: str) -> bytes:
    _, content = await containers.content(container_id, file_id, ANN)
    return b"".join([piece async for piece in content.read(0, content.file.bytes)])


@pytest.fixture
async def containers(rail: Rail) -> Containers:
    return await rail.service(Containers)


@pytest.fixture
async def interpreter(rail: Rail) -> CodeInterpreter:
    return await rail.service(CodeInterpreter)


async def made(containers: Containers, **fields: Any) -> str:
    request = CreateContainer.model_validate({"name": "mine", **fields})
    return (await containers.create(request, ANN)).value.id


async def test_a_container_is_made_told_listed_and_deleted(containers: Containers, tmp_path: Path) -> None:
    container_id = await made(containers, expires_after={"anchor": "last_active_at", "minutes": 5})
    container = (await containers.get(container_id, ANN)).value
    assert container_id.startswith("cntr_")
    assert (container.name, container.memory_limit, container.expires_after.minutes) == ("mine", "1g", 5)
    assert container.network_policy.type == "disabled"
    other = await made(containers, name="other")
    assert [one.id for one in (await containers.list(ListContainersQuery(), ANN)).value.data] == [other, container_id]
    named = (await containers.list(ListContainersQuery(name="mine"), ANN)).value
    assert [one.id for one in named.data] == [container_id]
    await containers.upload_file(container_id, "a.txt", source(b"a"), ANN)
    assert list(tmp_path.rglob("a.txt"))
    assert (await containers.delete(container_id, ANN)).value.deleted
    assert not list(tmp_path.rglob("a.txt"))
    with pytest.raises(NotFound):
        await containers.get(container_id, ANN)


async def test_code_leaves_files_that_are_told_and_can_be_fetched(
    containers: Containers, interpreter: CodeInterpreter
) -> None:
    container_id = await made(containers)
    uploaded = (await containers.upload_file(container_id, "dir/data.csv", source(b"1,", b"2"), ANN)).value
    assert (uploaded.path, uploaded.bytes, uploaded.source) == ("/mnt/data/data.csv", 3, "user")
    code = "import os\nos.makedirs('out')\nrow = open('data.csv').read().split(',')\n"
    code += "open('out/sum.txt', 'w').write(str(sum(map(int, row))))"
    ran = await interpreter.run(container_id, code, ANN)
    assert ran.ended
    assert ran.outputs == (CodeLogs(logs="1\n"),)
    (file,) = ran.files
    assert (file.path, file.source, file.id[:6]) == ("/mnt/data/out/sum.txt", "assistant", "cfile_")
    assert await bytes_of(containers, container_id, file.id) == b"3"
    listed = (await containers.files(container_id, ListContainerFilesQuery(order="asc"), ANN)).value
    assert {one.id for one in listed.data} == {uploaded.id, file.id}
    (changed,) = (await interpreter.run(container_id, "open('out/sum.txt', 'a').write('!')", ANN)).files
    assert (changed.id, changed.bytes) == (file.id, 2)
    assert (await interpreter.run(container_id, "import os; os.remove('data.csv')", ANN)).files == ()
    with pytest.raises(NotFound):
        await containers.file(container_id, uploaded.id, ANN)
    await containers.delete_file(container_id, file.id, ANN)
    assert (await interpreter.run(container_id, "import os; os.listdir('out')", ANN)).outputs == (
        CodeLogs(logs="[]\n"),
    )


async def test_files_of_the_caller_come_in_by_their_ids(
    rail: Rail, containers: Containers, interpreter: CodeInterpreter
) -> None:
    files = await rail.service(Files)
    kept = (await files.create(NewFile(filename="a.txt", purpose="user_data"), source(b"hello"), ANN)).value
    foreign = (await files.create(NewFile(filename="b.txt", purpose="user_data"), source(b"no"), BEN)).value
    auto = AutoCodeContainer.model_validate({"type": "auto", "file_ids": [kept.id]})
    container_id = await interpreter.container(auto, ANN)
    assert (await interpreter.run(container_id, "open('a.txt').read()", ANN)).outputs == (CodeLogs(logs="'hello'\n"),)
    again = (await containers.copy_file(container_id, CreateContainerFile(file_id=kept.id), ANN)).value
    assert again.path.endswith("-a.txt")
    before = (await containers.list(ListContainersQuery(), ANN)).value.data
    for wanted in (foreign.id, "file-none"):
        with pytest.raises(NotFound) as caught:
            await made(containers, file_ids=[kept.id, wanted])
        assert caught.value.param == "file_ids.1"
    assert (await containers.list(ListContainersQuery(), ANN)).value.data == before


async def test_containers_of_somebody_else_do_not_exist(containers: Containers, interpreter: CodeInterpreter) -> None:
    container_id = await made(containers)
    file = (await containers.upload_file(container_id, "a.txt", source(b"a"), ANN)).value
    attempts = [
        containers.get(container_id, BEN),
        containers.delete(container_id, BEN),
        containers.files(container_id, ListContainerFilesQuery(), BEN),
        containers.file(container_id, file.id, BEN),
        containers.content(container_id, file.id, BEN),
        containers.delete_file(container_id, file.id, BEN),
        containers.upload_file(container_id, "b", source(b""), BEN),
        containers.copy_file(container_id, CreateContainerFile(file_id="file-x"), BEN),
        interpreter.container(container_id, BEN),
        interpreter.run(container_id, "1", BEN),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            await attempt
    assert (await containers.list(ListContainersQuery(), BEN)).value.data == []
    own = (await containers.create(CreateContainer(name="x"), BEN)).value.id
    with pytest.raises(NotFound):
        await containers.file(own, file.id, BEN)


async def test_links_that_code_makes_lead_nowhere(
    containers: Containers, interpreter: CodeInterpreter, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("hunter2")
    container_id = await made(containers)
    ran = await interpreter.run(container_id, "open('a', 'w').write('a'); open('b', 'w').write('b')", ANN)
    file = ran.files[0]
    secret = tmp_path / "secret"
    code = f"import os\nos.symlink({str(tmp_path)!r}, 'out')\nos.symlink({str(secret)!r}, 'link')\nos.mkfifo('pipe')"
    assert (await interpreter.run(container_id, code, ANN)).files == ()
    folder = next(tmp_path.rglob(container_id))
    (folder / "a").unlink()
    os.symlink(tmp_path / "secret", folder / "a")
    with pytest.raises(NotFound):
        await bytes_of(containers, container_id, file.id)
    outside = (await containers.upload_file(container_id, "out/../../x", source(b"x"), ANN)).value
    assert outside.path == "/mnt/data/x"
    assert (tmp_path / "secret").read_text() == "hunter2"
    await containers.delete(container_id, ANN)
    assert (tmp_path / "secret").exists()


async def test_what_cannot_be_had_is_refused(containers: Containers) -> None:
    for fields, param in (
        ({"memory_limit": "4g"}, "memory_limit"),
        ({"network_policy": {"type": "allowlist", "allowed_domains": ["example.org"]}}, "network_policy"),
        ({"skills": [{"type": "skill_reference", "skill_id": "x"}]}, "skills"),
    ):
        with pytest.raises((InvalidRequest, UnsupportedFeature)) as caught:
            await made(containers, **fields)
        assert caught.value.param == param
    container_id = await made(containers)
    with pytest.raises(TooLarge):
        await containers.upload_file(container_id, "a", source(*[b"x" * 2**20] * 5), ANN)
    assert (await containers.files(container_id, ListContainerFilesQuery(), ANN)).value.data == []
    for name in ("", "..", "/", "\x00"):
        with pytest.raises(InvalidRequest):
            await containers.upload_file(container_id, name, source(b"x"), ANN)
    small = Call(principal=ANN.principal, storage_limit=10)
    with pytest.raises(RateLimited):
        await containers.upload_file(container_id, "a", source(b"x" * 11), small)
    assert (await containers.files(container_id, ListContainerFilesQuery(), ANN)).value.data == []


async def test_code_of_one_container_runs_one_at_a_time(containers: Containers, interpreter: CodeInterpreter) -> None:
    container_id = await made(containers)
    code = """
import os, time
assert not os.path.exists("busy")
open("busy", "w").close()
time.sleep(0.2)
os.remove("busy")
print("good")
"""
    runs = await asyncio.gather(*(interpreter.run(container_id, code, ANN) for _ in range(3)))
    assert [run.outputs for run in runs] == [(CodeLogs(logs="good\n"),)] * 3


async def test_a_container_whose_time_is_over_is_gone(
    containers: Containers, interpreter: CodeInterpreter, rail: Rail, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container_id = await made(containers, expires_after={"anchor": "last_active_at", "minutes": 1})
    await interpreter.run(container_id, "open('a.txt', 'w').write('a')", ANN)
    import time

    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 120)
    with pytest.raises(NotFound):
        await containers.get(container_id, ANN)
    service: Any = containers
    await service.remove_folders()
    assert list(tmp_path.rglob("a.txt")), "it is still a container's"
    await look_now(rail, "container-sweep")
    assert not await look_now(rail, "container-sweep")
    await service.remove_folders()
    assert not list(tmp_path.rglob("a.txt"))

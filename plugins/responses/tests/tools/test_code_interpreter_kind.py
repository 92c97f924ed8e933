from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pydantic import TypeAdapter
from tool_desk import NotedPen, Written, desk

from dinrail_core.api.call import Call
from dinrail_core.api.containers import CodeInterpreter, CodeRun, ContainerFile
from dinrail_core.api.items.code import CodeImage, CodeLogs
from dinrail_core.api.items.containers import AllowedNetwork, AutoCodeContainer
from dinrail_core.api.items.unions import Item
from dinrail_core.errors import InvalidRequest, NotFound, RequestError, Unavailable, UnsupportedFeature
from dinrail_responses.tools.code_interpreter import CodeInterpreterKind
from dinrail_responses.tools.interface import Exchange, Json, ModelCall, ToolSet

ITEM: TypeAdapter[Any] = TypeAdapter(Item)
AUTO: Json = {"type": "code_interpreter", "container": {"type": "auto"}}
FILE = ContainerFile(
    id="cfile_1", container_id="cntr_1", created_at=1, bytes=3, path="/mnt/data/out/a.csv", source="assistant"
)


class Interpreter(CodeInterpreter):
    """Says what a test wants."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.made = 0
        self.ran: list[tuple[str, str]] = []
        self.answer: CodeRun | Exception = CodeRun(outputs=(CodeLogs(logs="2\n"),), files=(), ended=True)

    async def container(self, wanted: str | AutoCodeContainer, call: Call) -> str:
        if isinstance(wanted, str):
            if wanted not in self.known:
                raise NotFound("It is not there.", param="container_id")
            return wanted
        if isinstance(wanted.file_ids, list) and "file-none" in wanted.file_ids:
            raise NotFound("It is not there.", param="file_ids.0")
        if isinstance(wanted.network_policy, AllowedNetwork):
            raise UnsupportedFeature("There is no network.", param="network_policy")
        if wanted.memory_limit == "64g":
            raise InvalidRequest("There is not so much memory.", param="memory_limit")
        self.made += 1
        return f"cntr_{self.made}"

    async def run(self, container_id: str, code: str, call: Call) -> CodeRun:
        self.ran.append((container_id, code))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@asynccontextmanager
async def opened(one: Interpreter, written: Written, *tools: Json, history: Sequence[Json] = ()) -> Any:
    there = desk(written, services={CodeInterpreter: one}, history=history)
    async with CodeInterpreterKind().open(dict(enumerate(tools or [AUTO], 2)), there) as found:
        yield found


async def ask(tools: ToolSet, written: Written, arguments: object, name: str = "code_interpreter") -> Any:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return await tools.run(ModelCall(id="c", name=name, arguments=text), NotedPen(written))


async def test_code_is_told_event_by_event_with_its_output() -> None:
    written, one = Written(), Interpreter()
    async with opened(one, written) as tools:
        assert one.made == 0
        assert await ask(tools, written, {"code": "1+1"}) == "2\n"
        assert await ask(tools, written, {"code": "2"}) == "2\n"
    assert written.kinds[:7] == [
        "added",
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call_code.delta",
        "response.code_interpreter_call_code.done",
        "response.code_interpreter_call.interpreting",
        "response.code_interpreter_call.completed",
        "done",
    ]
    assert one.ran == [("cntr_1", "1+1"), ("cntr_1", "2")]
    item = written.items[0]
    assert (item["status"], item["code"], item["container_id"]) == ("completed", "1+1", "cntr_1")
    assert item["outputs"] == [{"type": "logs", "logs": "2\n"}]
    ITEM.validate_python(item)
    told = CodeInterpreterKind().replayed(item, {})
    assert told == Exchange(ModelCall(id=item["id"], name="code_interpreter", arguments='{"code":"1+1"}'), "2\n")


async def test_files_are_to_be_cited_and_pictures_are_shown() -> None:
    written, one = Written(), Interpreter()
    one.answer = CodeRun(outputs=(CodeImage(url="data:image/png;base64,AA=="),), files=(FILE,), ended=True)
    async with opened(one, written) as tools:
        told = await ask(tools, written, {"code": "plot()"})
    assert told[1] == {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "auto"}
    assert "【1】 Written: /mnt/data/out/a.csv (3 bytes)." in told[0]["text"]
    assert written.citations == [
        {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1", "filename": "a.csv"}
    ]


async def test_the_container_of_an_earlier_call_is_gone_on_in_while_it_is_there() -> None:
    call = {"type": "code_interpreter_call", "container_id": "cntr_old"}
    for known, container in (({"cntr_old"}, "cntr_old"), (set(), "cntr_1")):
        one = Interpreter(*known)
        async with opened(one, written := Written(), history=[call]) as tools:
            await ask(tools, written, {"code": "1"})
        assert one.ran == [(container, "1")]


async def test_several_interpreters_run_each_in_its_container() -> None:
    named = {"type": "code_interpreter", "container": "cntr_named"}
    history = [{"type": "code_interpreter_call", "container_id": one} for one in ("cntr_old", "cntr_named")]
    one = Interpreter("cntr_old", "cntr_named")
    async with opened(one, written := Written(), named, AUTO, named, AUTO, history=history) as tools:
        first, second = tools.offers()
        assert (first.name, second.name) == ("code_interpreter", "code_interpreter_2")
        assert first.description.endswith("It runs in the container cntr_named.")
        await ask(tools, written, {"code": "1"})
        await ask(tools, written, {"code": "2"}, "code_interpreter_2")
    assert one.ran == [("cntr_named", "1"), ("cntr_old", "2")]
    assert [item["container_id"] for item in written.items] == ["cntr_named", "cntr_old"]
    async with opened(one, written, AUTO, AUTO) as tools:
        (only,) = tools.offers()
        assert "It runs in" not in only.description
    gone = {"type": "code_interpreter", "container": "cntr_gone"}
    with pytest.raises(NotFound) as caught:
        async with opened(one, written, AUTO, AUTO, gone):
            pass
    assert caught.value.param == "tools.4.container"


async def test_a_container_or_file_that_is_not_there_is_refused_with_its_place() -> None:
    for container, param in (
        ("cntr_none", "tools.2.container"),
        ({"type": "auto", "file_ids": ["file-none"]}, "tools.2.container.file_ids.0"),
    ):
        with pytest.raises(NotFound) as caught:
            async with opened(Interpreter(), Written(), {"type": "code_interpreter", "container": container}):
                pass
        assert caught.value.param == param


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"network_policy": {"type": "allowlist", "allowed_domains": ["example.org"]}}, "network_policy"),
        ({"memory_limit": "64g"}, "memory_limit"),
    ],
)
async def test_a_container_that_cannot_be_had_is_refused_ahead_of_the_model(asked: Json, param: str) -> None:
    with pytest.raises(RequestError) as caught:
        async with opened(
            Interpreter(), Written(), {"type": "code_interpreter", "container": {"type": "auto", **asked}}
        ):
            pass
    assert caught.value.param == f"tools.2.container.{param}"


def test_a_history_tells_of_images_that_code_has_shown() -> None:
    item = {"type": "code_interpreter_call", "id": "ci_1", "code": "plot()", "outputs": [{"type": "image", "url": "x"}]}
    told = CodeInterpreterKind().replayed(item, {})
    assert told is not None
    assert told.told == "(It showed an image.)"


async def test_what_cannot_be_run_is_told_to_the_model() -> None:
    written, one = Written(), Interpreter()
    async with opened(one, written) as tools:
        for arguments in ("{", "7", {}, {"code": 7}):
            assert "no code" in await ask(tools, written, arguments)
        assert one.ran == []
        one.answer = Unavailable("The container is gone.")
        assert await ask(tools, written, {"code": "1"}) == "The code was not run. The container is gone."
    assert {item["status"] for item in written.items} == {"failed"}
    ITEM.validate_python(written.items[-1])


async def test_code_that_was_stopped_is_incomplete_and_long_output_is_cut_for_the_model() -> None:
    written, one = Written(), Interpreter()
    one.answer = CodeRun(outputs=(CodeLogs(logs="x" * 100_000),), files=(), ended=False)
    async with opened(one, written) as tools:
        told = await ask(tools, written, {"code": "1"})
        assert not tools.parallel(ModelCall(id="c", name="code_interpreter", arguments=""))
    assert len(told) < 31_000
    assert "70000 characters are left out" in told
    assert written.items[-1]["status"] == "incomplete"
    assert len(written.items[-1]["outputs"][0]["logs"]) == 100_000

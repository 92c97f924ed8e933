"""The code interpreter: Python that the model writes, in a container."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json, to_json

from dinrail_core.api.containers import CodeInterpreter, CodeRun
from dinrail_core.api.items.code import CodeImage, CodeLogs
from dinrail_core.api.items.containers import AllowedNetwork, AutoCodeContainer
from dinrail_core.api.items.tools import CodeInterpreterTool
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import DinrailError, InvalidRequest, NotFound
from dinrail_core.hooks.context import Rail
from dinrail_responses.tools.interface import Desk, Exchange, Json, ModelCall, Offer, Pen, Told, ToolKind, ToolSet
from dinrail_responses.tools.numbering import numbered

__all__ = ["CodeInterpreterKind"]

_NAME = "code_interpreter"
_LONGEST_CODE = 200_000
_LONGEST_LOGS = 30_000
"""Characters of the output that the model is told; the item has all of it."""
_SILENCE = "(The code put nothing out.)"


class CodeInterpreterKind(ToolKind):
    """Runs Python, through whatever service keeps containers."""

    tool_types = frozenset({"code_interpreter"})
    item_types = frozenset({"code_interpreter_call"})

    def installed(self, rail: Rail) -> bool:
        """See :meth:`ToolKind.installed`."""
        return rail.provides(CodeInterpreter)

    @asynccontextmanager
    async def open(self, tools: Mapping[int, Json], desk: Desk) -> AsyncIterator[ToolSet]:
        """See :meth:`ToolKind.open`; a container that is named must be there, one that is not is made when needed."""
        wanted: dict[int, str | AutoCodeContainer] = {}
        for index, given in tools.items():
            container = decode_request(CodeInterpreterTool, given).container
            if container not in wanted.values():
                wanted[index] = container
        interpreter = await desk.rail.service(CodeInterpreter)
        earlier = _earlier(desk.history, wanted.values())
        opened = []
        for index, container in wanted.items():
            try:
                container_id = await self._known(interpreter, container, earlier, desk)
            except (NotFound, InvalidRequest) as error:
                inner = f".{error.param}" if error.param not in (None, "container_id") else ""
                error.param = f"tools.{index}.container{inner}"
                raise
            opened.append(_Container(container, container_id))
        yield _Interpreter(interpreter, opened, desk)

    async def _known(
        self, interpreter: CodeInterpreter, wanted: str | AutoCodeContainer, earlier: list[str], desk: Desk
    ) -> str | None:
        """The container to go on in: the one that is named, or an earlier one if it is still there."""
        if isinstance(wanted, str):
            return await interpreter.container(wanted, desk.call)
        files = isinstance(wanted.file_ids, list) and wanted.file_ids
        if files or isinstance(wanted.network_policy, AllowedNetwork):
            return await interpreter.container(wanted, desk.call)  # what cannot be had is told at once
        if not earlier:
            return await interpreter.container(wanted, desk.call) if isinstance(wanted.memory_limit, str) else None
        try:
            return await interpreter.container(earlier.pop(), desk.call)
        except NotFound:
            return None

    def replayed(self, item: Json, items: Mapping[str, Json]) -> Exchange | None:
        """See :meth:`ToolKind.replayed`."""
        arguments = to_json({"code": item.get("code") or ""}).decode()
        outputs = item.get("outputs") or ()
        logs = "\n".join(output["logs"] for output in outputs if output.get("type") == "logs")
        shown = "(It showed an image.)" if any(output.get("type") == "image" for output in outputs) else _SILENCE
        return Exchange(ModelCall(id=item["id"], name=_NAME, arguments=arguments), _cut(logs) or shown)


@dataclass(slots=True)
class _Container:
    """A container, and its id once there is one."""

    wanted: str | AutoCodeContainer
    id: str | None

    @property
    def told(self) -> str:
        """What tells it from others of the request."""
        return f"the container {self.wanted}" if isinstance(self.wanted, str) else "a container of its own"


class _Interpreter(ToolSet):
    def __init__(self, interpreter: CodeInterpreter, opened: Sequence[_Container], desk: Desk) -> None:
        self._interpreter = interpreter
        self._opened = numbered(_NAME, opened)
        self._desk = desk

    def offers(self) -> Sequence[Offer]:
        code = {"type": "string", "description": "Python. The value of a last expression is shown, as in a notebook."}
        return [
            Offer(
                name=name,
                description=(
                    "Runs Python without a network and returns what it prints. Files in the working folder /mnt/data "
                    "stay from call to call; variables and imports do not. Write files there that the user is to have."
                    + (f" It runs in {container.told}." if len(self._opened) > 1 else "")
                ),
                parameters={
                    "type": "object",
                    "properties": {"code": code},
                    "required": ["code"],
                    "additionalProperties": False,
                },
            )
            for name, container in self._opened.items()
        ]

    def parallel(self, call: ModelCall) -> bool:
        return False  # one call may need what another has written

    async def run(self, call: ModelCall, pen: Pen) -> Told:
        code = _code(call.arguments)
        container = self._opened[call.name]
        item: Json = {
            "type": "code_interpreter_call",
            "id": self._desk.new_id("code_interpreter_call"),
            "status": "in_progress",
            "container_id": container.id or "",
            "code": "",
            "outputs": None,
        }
        failure = ""
        if container.id is None:
            try:
                container.id = await self._interpreter.container(container.wanted, self._desk.call)
                item["container_id"] = container.id
            except DinrailError as error:
                failure = error.message
        pen.added(item)
        pen.event("response.code_interpreter_call.in_progress")
        pen.event("response.code_interpreter_call_code.delta", delta=code)
        pen.event("response.code_interpreter_call_code.done", code=code)
        ran: CodeRun | None = None
        if not failure and not code:
            failure = "The arguments have no code."
        if not failure and container.id is not None:
            pen.event("response.code_interpreter_call.interpreting")
            try:
                ran = await self._interpreter.run(container.id, code, self._desk.call)
            except DinrailError as error:
                failure = error.message
        if ran is None:
            pen.done({**item, "code": code, "status": "failed", "outputs": []})
            return f"The code was not run. {failure}"
        pen.event("response.code_interpreter_call.completed")
        outputs: list[Any] = [output.model_dump(mode="json") for output in ran.outputs]
        status = "completed" if ran.ended else "incomplete"
        pen.done({**item, "code": code, "status": status, "outputs": outputs})
        return self._told(ran)

    def _told(self, ran: CodeRun) -> Told:
        text = "\n".join(output.logs for output in ran.outputs if isinstance(output, CodeLogs))
        lines = [_cut(text) or _SILENCE]
        for file in ran.files:
            mark = self._desk.cite(
                {
                    "type": "container_file_citation",
                    "container_id": file.container_id,
                    "file_id": file.id,
                    "filename": file.path.rpartition("/")[2],
                }
            )
            lines.append(f"{mark} Written: {file.path} ({file.bytes} bytes). Repeat this mark where you speak of it.")
        told = "\n".join(lines)
        images = [output for output in ran.outputs if isinstance(output, CodeImage)]
        if not images:
            return told
        shown: list[Json] = [{"type": "input_text", "text": told}]
        return shown + [{"type": "input_image", "image_url": image.url, "detail": "auto"} for image in images]


def _earlier(history: Sequence[Json], wanted: Collection[str | AutoCodeContainer]) -> list[str]:
    """The container of the last call that ran in none of those that are named, if there is one."""
    ids = [item["container_id"] for item in history if item.get("type") == "code_interpreter_call"]
    return [one for one in ids if one not in wanted][-1:]


def _code(arguments: str) -> str:
    """The code in a call's arguments; some models send it bare."""
    try:
        given = from_json(arguments)
    except ValueError:
        return ""
    code = given.get("code") if isinstance(given, dict) else given
    return code[:_LONGEST_CODE] if isinstance(code, str) else ""


def _cut(logs: str) -> str:
    """The beginning and the end of an output that is too long for a model."""
    if len(logs) <= _LONGEST_LOGS:
        return logs
    half = _LONGEST_LOGS // 2
    return f"{logs[:half]}\n[{len(logs) - 2 * half} characters are left out here.]\n{logs[-half:]}"

"""The code interpreter: Python that the model writes, in a container."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from pydantic_core import from_json, to_json

from dinrail_core.api.containers import CodeInterpreter, CodeRun
from dinrail_core.api.items.code import CodeImage, CodeLogs
from dinrail_core.api.items.containers import AutoCodeContainer
from dinrail_core.api.items.tools import CodeInterpreterTool
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import DinrailError, InvalidRequest, NotFound
from dinrail_core.hooks.context import Rail
from dinrail_responses.tools.interface import Desk, Exchange, Json, ModelCall, Offer, Pen, Told, ToolKind, ToolSet

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
        if len(tools) > 1:
            raise InvalidRequest("There is more than one code interpreter.", param=f"tools.{max(tools)}")
        ((index, given),) = tools.items()
        wanted = decode_request(CodeInterpreterTool, given).container
        interpreter = await desk.rail.service(CodeInterpreter)
        try:
            container_id = await self._known(interpreter, wanted, desk)
        except (NotFound, InvalidRequest) as error:
            inner = f".{error.param}" if error.param not in (None, "container_id") else ""
            error.param = f"tools.{index}.container{inner}"
            raise
        yield _Interpreter(interpreter, wanted, container_id, desk)

    async def _known(self, interpreter: CodeInterpreter, wanted: str | AutoCodeContainer, desk: Desk) -> str | None:
        """The container to go on in: the one that is named, or the last of the history if it is still there."""
        if isinstance(wanted, str):
            return await interpreter.container(wanted, desk.call)
        if isinstance(wanted.file_ids, list) and wanted.file_ids:
            return await interpreter.container(wanted, desk.call)  # files that are not there are told at once
        for item in reversed(desk.history):
            if item.get("type") == "code_interpreter_call":
                try:
                    return await interpreter.container(item["container_id"], desk.call)
                except NotFound:
                    return None
        return None

    def replayed(self, item: Json, items: Mapping[str, Json]) -> Exchange | None:
        """See :meth:`ToolKind.replayed`."""
        arguments = to_json({"code": item.get("code") or ""}).decode()
        outputs = item.get("outputs") or ()
        logs = "\n".join(output["logs"] for output in outputs if output.get("type") == "logs")
        return Exchange(ModelCall(id=item["id"], name=_NAME, arguments=arguments), _cut(logs) or _SILENCE)


class _Interpreter(ToolSet):
    def __init__(
        self, interpreter: CodeInterpreter, wanted: str | AutoCodeContainer, container_id: str | None, desk: Desk
    ) -> None:
        self._interpreter = interpreter
        self._wanted = wanted
        self._container_id = container_id
        self._desk = desk

    def offers(self) -> Sequence[Offer]:
        code = {"type": "string", "description": "Python. The value of a last expression is shown, as in a notebook."}
        return [
            Offer(
                name=_NAME,
                description=(
                    "Runs Python without a network and returns what it prints. Files in the working folder /mnt/data "
                    "stay from call to call; variables and imports do not. Write files there that the user is to have."
                ),
                parameters={
                    "type": "object",
                    "properties": {"code": code},
                    "required": ["code"],
                    "additionalProperties": False,
                },
            )
        ]

    def parallel(self, call: ModelCall) -> bool:
        return False  # one call may need what another has written

    async def run(self, call: ModelCall, pen: Pen) -> Told:
        code = _code(call.arguments)
        item: Json = {
            "type": "code_interpreter_call",
            "id": self._desk.new_id("code_interpreter_call"),
            "status": "in_progress",
            "container_id": self._container_id or "",
            "code": "",
            "outputs": None,
        }
        failure = ""
        if self._container_id is None:
            try:
                self._container_id = await self._interpreter.container(self._wanted, self._desk.call)
                item["container_id"] = self._container_id
            except DinrailError as error:
                failure = error.message
        pen.added(item)
        pen.event("response.code_interpreter_call.in_progress")
        pen.event("response.code_interpreter_call_code.delta", delta=code)
        pen.event("response.code_interpreter_call_code.done", code=code)
        ran: CodeRun | None = None
        if not failure and not code:
            failure = "The arguments have no code."
        if not failure and self._container_id is not None:
            pen.event("response.code_interpreter_call.interpreting")
            try:
                ran = await self._interpreter.run(self._container_id, code, self._desk.call)
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

"""Tools of MCP servers: listed, offered, approved and called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic_core import from_json

from dinrail_core.api.items.content import InputText
from dinrail_core.api.items.mcp import McpTool
from dinrail_core.api.items.mcp_rules import admits, needs_approval
from dinrail_core.api.items.tools import McpServerTool
from dinrail_core.api.mcp import McpClient, McpOutput, McpServer
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import InvalidRequest, Unavailable, UnsupportedFeature, UpstreamError
from dinrail_core.hooks.context import Rail
from dinrail_responses.tools.interface import Desk, Exchange, Json, ModelCall, Offer, Pen, Told, ToolKind, ToolSet

__all__ = ["McpKind"]

_NOTHING = "(The tool put nothing out.)"


class McpKind(ToolKind):
    """Tools of MCP servers, through whatever service reaches those."""

    tool_types = frozenset({"mcp"})
    item_types = frozenset({"mcp_approval_request", "mcp_approval_response", "mcp_call", "mcp_list_tools"})

    def installed(self, rail: Rail) -> bool:
        """See :meth:`ToolKind.installed`."""
        return rail.provides(McpClient)

    @asynccontextmanager
    async def open(self, tools: Mapping[int, Json], desk: Desk) -> AsyncIterator[ToolSet]:
        """See :meth:`ToolKind.open`."""
        client = await desk.rail.service(McpClient)
        servers: dict[str, _Server] = {}
        for index, given in tools.items():
            tool = decode_request(McpServerTool, given)
            if isinstance(tool.tunnel_id, str):
                raise UnsupportedFeature("There are no tunnels to MCP servers here.", param=f"tools.{index}.tunnel_id")
            if tool.server_label in servers:
                raise InvalidRequest(
                    f"Two MCP servers are called '{tool.server_label}'.", param=f"tools.{index}.server_label"
                )
            server = McpServer.of(tool)
            try:
                await client.check(server, desk.call)
            except InvalidRequest as error:
                error.param = f"tools.{index}.{error.param or 'server_url'}"
                raise
            servers[tool.server_label] = _Server(tool, server)
        yield _McpTools(client, servers, desk, _approved(desk.history))

    def replayed(self, item: Json, items: Mapping[str, Json]) -> Exchange | None:
        """See :meth:`ToolKind.replayed`; a call that was refused is told as one."""
        if item["type"] == "mcp_call":
            return Exchange(
                ModelCall(id=item["id"], name=item["name"], arguments=item["arguments"]), _told_before(item)
            )
        if item["type"] != "mcp_approval_response":
            return None  # what there is, and what was asked, the model is told in other ways
        asked = items.get(item["approval_request_id"])
        if item["approve"] or asked is None:
            return None  # an approved call is told with its output
        call = ModelCall(id=asked["id"], name=asked["name"], arguments=asked["arguments"])
        reason = item.get("reason")
        return Exchange(call, f"The user did not allow this call{f': {reason}' if reason else '.'}")


@dataclass(slots=True)
class _Server:
    tool: McpServerTool
    server: McpServer
    tools: Sequence[McpTool] = ()


@dataclass(frozen=True, slots=True)
class _Bound:
    server: _Server
    tool: McpTool


class _McpTools(ToolSet):
    def __init__(
        self, client: McpClient, servers: Mapping[str, _Server], desk: Desk, approved: Mapping[str, Json]
    ) -> None:
        self._client = client
        self._servers = servers
        self._desk = desk
        self._approved = approved
        self._bound: dict[str, _Bound] = {}

    async def lead(self, *, again: bool = False) -> Sequence[Exchange]:
        listing = {
            label: asyncio.ensure_future(self._client.tools(one.server, self._desk.call))
            for label, one in self._servers.items()
        }
        try:
            for label, coming in listing.items():
                await self._list(self._servers[label], coming, again=again)
        finally:
            for coming in listing.values():
                coming.cancel()
            await asyncio.gather(*listing.values(), return_exceptions=True)
        self._bound = _bind(self._servers.values())
        if again:
            return ()
        return [
            await self._called_after_all(request_id, request)
            for request_id, request in self._approved.items()
            if request["server_label"] in self._servers
        ]

    def offers(self) -> Sequence[Offer]:
        return [_offer(name, bound) for name, bound in self._bound.items()]

    async def run(self, call: ModelCall, pen: Pen) -> Told | None:
        bound = self._bound[call.name]
        arguments = _arguments(call.arguments)
        if arguments is not None and needs_approval(bound.server.tool.require_approval, bound.tool):
            item = {
                "type": "mcp_approval_request",
                "id": self._desk.new_id("mcp_approval_request"),
                "server_label": bound.server.server.label,
                "name": bound.tool.name,
                "arguments": call.arguments,
            }
            pen.added(item)
            pen.done(item)
            return None
        return await self._called(bound.server, bound.tool.name, call.arguments, pen)

    def chosen(self, choice: Json) -> Collection[str]:
        label, name = choice.get("server_label"), choice.get("name")
        return [
            offered
            for offered, bound in self._bound.items()
            if label in (None, bound.server.server.label) and name in (None, bound.tool.name)
        ]

    async def _list(self, one: _Server, coming: asyncio.Future[Sequence[McpTool]], *, again: bool) -> None:
        """Have a server's tools, and write the list down where the history has none of it."""
        label = one.server.label
        known = _listed_before(self._desk.history, label)
        if again or known is not None:
            try:
                one.tools = _admitted(one.tool, await coming)
            except (UpstreamError, Unavailable):
                one.tools = _admitted(one.tool, known or ())
            return
        pen = self._desk.pen()
        item: Json = {
            "type": "mcp_list_tools",
            "id": self._desk.new_id("mcp_list_tools"),
            "server_label": label,
            "tools": [],
            "error": None,
        }
        pen.added(item)
        pen.event("response.mcp_list_tools.in_progress")
        try:
            one.tools = _admitted(one.tool, await coming)
        except (UpstreamError, Unavailable) as error:
            pen.event("response.mcp_list_tools.failed")
            pen.done({**item, "error": error.message})
        else:
            pen.event("response.mcp_list_tools.completed")
            pen.done({**item, "tools": [tool.model_dump(mode="json") for tool in one.tools]})

    async def _called_after_all(self, request_id: str, request: Json) -> Exchange:
        """Make a call that has been approved meanwhile."""
        server = self._servers[request["server_label"]]
        told = await self._called(server, request["name"], request["arguments"], self._desk.pen(), request_id)
        return Exchange(ModelCall(id=request_id, name=request["name"], arguments=request["arguments"]), told)

    async def _called(
        self, server: _Server, name: str, arguments: str, pen: Pen, request_id: str | None = None
    ) -> Told:
        item: Json = {
            "type": "mcp_call",
            "id": self._desk.new_id("mcp_call"),
            "server_label": server.server.label,
            "name": name,
            "arguments": "",
            "output": None,
            "error": None,
            "status": "in_progress",
            "approval_request_id": request_id,
        }
        pen.added(item)
        pen.event("response.mcp_call.in_progress")
        pen.event("response.mcp_call_arguments.delta", delta=arguments)
        pen.event("response.mcp_call_arguments.done", arguments=arguments)
        given = _arguments(arguments)
        if given is None:
            output, wrong = McpOutput(), "The arguments are no JSON object."
        elif all(tool.name != name for tool in server.tools):
            output, wrong = McpOutput(), f"There is no tool '{name}' that may be used."
        else:
            output, wrong = await self._client.call(server.server, name, given, self._desk.call), ""
        error: Json | None = output.error.model_dump(mode="json") if output.error is not None else None
        if wrong:
            error = {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": wrong}]}
        pen.event(f"response.mcp_call.{'failed' if error else 'completed'}")
        item |= {"arguments": arguments, "error": error, "status": "failed" if error else "completed"}
        if not error:
            item["output"] = output.text
        pen.done(item)
        return _told(output, wrong)


def _bind(servers: Collection[_Server]) -> dict[str, _Bound]:
    """Every tool by the name that it is offered under: its own, or with its server's where several have it."""
    every = [_Bound(server, tool) for server in servers for tool in server.tools]
    names = [bound.tool.name for bound in every]
    found: dict[str, _Bound] = {}
    for bound in every:
        name = bound.tool.name
        if names.count(name) > 1:
            name = f"{bound.server.server.label}__{name}"
        found.setdefault(name, bound)
    return found


def _admitted(tool: McpServerTool, tools: Sequence[McpTool]) -> list[McpTool]:
    return [one for one in tools if admits(tool.allowed_tools, one)]


def _offer(name: str, bound: _Bound) -> Offer:
    described = bound.tool.description if isinstance(bound.tool.description, str) else None
    about = bound.server.tool.server_description
    if isinstance(about, str) and about:
        described = f"{described or name} ({bound.server.server.label}: {about})"
    schema = bound.tool.input_schema
    if schema.get("type") != "object":
        schema = {**schema, "type": "object"}
    return Offer(name=name, description=described, parameters={"properties": {}, **schema})


def _arguments(text: str) -> Json | None:
    """The arguments of a call, or ``None`` where they are no JSON object; a model may leave out empty ones."""
    try:
        found = from_json(text or "{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _told(output: McpOutput, wrong: str) -> Told:
    if wrong:
        return f"The call failed. {wrong}"
    if output.error is None:
        if all(isinstance(part, InputText) for part in output.parts):
            return output.text or _NOTHING
        return [part.model_dump(mode="json") for part in output.parts]
    said = output.error.model_dump(mode="json")
    return f"The call failed. {output.text or said.get('message') or said}"


def _told_before(item: Json) -> Told:
    error = item.get("error")
    if error:
        return f"The call failed. {error if isinstance(error, str) else _words(error)}"
    return item.get("output") or _NOTHING


def _words(error: Json) -> str:
    content = error.get("content")
    if isinstance(content, list):
        texts = [block["text"] for block in content if isinstance(block, dict) and isinstance(block.get("text"), str)]
        if texts:
            return "\n".join(texts)
    return str(error.get("message") or error)


def _listed_before(history: Sequence[Json], label: str) -> list[McpTool] | None:
    """The newest list of a server's tools in the history."""
    for item in reversed(history):
        if item.get("type") == "mcp_list_tools" and item["server_label"] == label and not item.get("error"):
            return [McpTool.model_validate(tool) for tool in item["tools"]]
    return None


def _approved(history: Sequence[Json]) -> dict[str, Json]:
    """The requests that have been approved and whose calls have not been made, by their ids.

    Raises:
        InvalidRequest: An answer is to a question that nobody asked.
    """
    asked = {item["id"]: item for item in history if item.get("type") == "mcp_approval_request"}
    made = {item.get("approval_request_id") for item in history if item.get("type") == "mcp_call"}
    found: dict[str, Json] = {}
    for item in history:
        if item.get("type") != "mcp_approval_response":
            continue
        request_id = item["approval_request_id"]
        if request_id not in asked:
            raise InvalidRequest(f"There is no mcp_approval_request '{request_id}' in what came before.", param="input")
        if item["approve"] and request_id not in made:
            found[request_id] = asked[request_id]
    return found

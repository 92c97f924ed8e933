"""Tools of MCP servers: the contract of what reaches such servers for the agent loop.

The tool's parameters and the items that come of it are in :mod:`dinrail_core.api.items`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dinrail_core.api.call import Call

if TYPE_CHECKING:
    from dinrail_core.api.items.content import InputFile, InputImage, InputText
    from dinrail_core.api.items.mcp import McpHttpError, McpProtocolError, McpTool, McpToolError
    from dinrail_core.api.items.tools import McpServerTool

__all__ = ["McpClient", "McpOutput", "McpServer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """Which server, and what it is to be sent.

    A connector is a server that the operator configured; a request names it by ``connector_id``, or by its label alone.

    Attributes:
        label: What the request calls it; what is between us and the model, and tells tools of several servers apart.
        url: Where it is, as the request says; ``None`` for a connector.
        connector: The connector's name; ``None`` where there is a URL.
        authorization: The caller's access token for it: used, and never kept, logged or told.
        headers: Further headers for it, of which the same is true.
    """

    label: str
    url: str | None = None
    connector: str | None = None
    authorization: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, tool: McpServerTool) -> McpServer:
        """The server that a request's tool names."""
        url = tool.server_url if isinstance(tool.server_url, str) else None
        connector: str | None = None
        if url is None:
            connector = tool.connector_id if isinstance(tool.connector_id, str) else tool.server_label
        return cls(
            label=tool.server_label,
            url=url,
            connector=connector,
            authorization=tool.authorization if isinstance(tool.authorization, str) else None,
            headers=tool.headers if isinstance(tool.headers, dict) else {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class McpOutput:
    """What came of a call.

    Attributes:
        parts: What the tool put out, in its order, as a model can be shown it; of a tool that failed, too.
        error: Why there is no good output: the tool's own failure, the protocol's or the connection's.
    """

    parts: tuple[InputText | InputImage | InputFile, ...] = ()
    error: McpProtocolError | McpToolError | McpHttpError | None = None

    @property
    def text(self) -> str:
        """The parts that are text, a line between each; what stands in the item's ``output``."""
        return "\n".join(part.text for part in self.parts if part.type == "input_text")


class McpClient(ABC):
    """Reaches MCP servers. One that fails, hangs or floods costs its call, and nothing else."""

    @abstractmethod
    async def check(self, server: McpServer, call: Call) -> None:
        """See whether a server may be reached, without reaching it: what can be told before an answer begins.

        Raises:
            InvalidRequest: As for :meth:`tools`.
        """

    @abstractmethod
    async def tools(self, server: McpServer, call: Call) -> Sequence[McpTool]:
        """The tools that the server has, in its order; remembered for a while.

        Their schemas stand for themselves: there is no ``$ref`` in them.

        Raises:
            InvalidRequest: There is no such connector, or the URL is one that must not be reached; the caller can mend
                it. ``param`` is a field of the tool.
            UpstreamError: The server could not be reached, refused, or broke the protocol; the message says what.
        """

    @abstractmethod
    async def call(self, server: McpServer, name: str, arguments: Mapping[str, Any], call: Call) -> McpOutput:
        """Call a tool.

        What goes wrong at the server is part of the output, in full, so that the model can be told.

        Args:
            server: The server.
            name: The tool's name, as :meth:`tools` has it.
            arguments: The arguments, which the server checks.
            call: On whose behalf, and until when.

        Raises:
            InvalidRequest: As for :meth:`tools`.
        """

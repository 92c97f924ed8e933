"""What a request says about the tools of an MCP server: which may be used, and which calls are to be approved."""

from __future__ import annotations

from collections.abc import Sequence

from dinrail_core.api.items.mcp import McpTool
from dinrail_core.api.items.tools import McpApproval, McpFilter
from dinrail_core.api.wire import MISSING

__all__ = ["admits", "needs_approval"]


def admits(allowed: Sequence[str] | McpFilter | None | MISSING, tool: McpTool) -> bool:
    """Whether a request lets its model use a tool (``allowed_tools``).

    Args:
        allowed: Names, or a filter; anything where neither was given.
        tool: The tool; one that does not say that it only reads is taken to change things.
    """
    if isinstance(allowed, McpFilter):
        return _matches(allowed, tool)
    return not isinstance(allowed, (list, tuple)) or tool.name in allowed


def needs_approval(required: McpApproval | str | None | MISSING, tool: McpTool) -> bool:
    """Whether each call of a tool is to be approved first (``require_approval``).

    OpenAI's default holds: what nothing is said about needs approval. A tool that both filters match needs it too.
    """
    if isinstance(required, McpApproval):
        if isinstance(required.always, McpFilter) and _matches(required.always, tool):
            return True
        return not (isinstance(required.never, McpFilter) and _matches(required.never, tool))
    return required != "never"


def _matches(wanted: McpFilter, tool: McpTool) -> bool:
    """All that a filter says must hold."""
    if isinstance(wanted.tool_names, list) and tool.name not in wanted.tool_names:
        return False
    return not isinstance(wanted.read_only, bool) or _reads_only(tool) == wanted.read_only


def _reads_only(tool: McpTool) -> bool:
    return isinstance(tool.annotations, dict) and tool.annotations.get("readOnlyHint") is True

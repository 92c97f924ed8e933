"""The kinds of tool that there are."""

from __future__ import annotations

from collections.abc import Sequence

from dinrail_responses.tools.code_interpreter import CodeInterpreterKind
from dinrail_responses.tools.file_search import FileSearchKind
from dinrail_responses.tools.functions import FunctionKind
from dinrail_responses.tools.interface import ToolKind
from dinrail_responses.tools.mcp import McpKind
from dinrail_responses.tools.web_search import WebSearchKind

__all__ = ["kinds"]


def kinds() -> Sequence[ToolKind]:
    """Every kind of tool, one object each."""
    return (FunctionKind(), FileSearchKind(), McpKind(), WebSearchKind(), CodeInterpreterKind())

"""Events about calls of tools."""

from typing import Any, Literal

from dinrail_core.api.responses.text_events import ItemEvent, Numbered
from dinrail_core.api.wire import MISSING

__all__ = [
    "CodeDelta",
    "CodeDone",
    "CodeInterpreterCallCompleted",
    "CodeInterpreterCallInProgress",
    "CodeInterpreterCallInterpreting",
    "CustomInputDelta",
    "CustomInputDone",
    "FileSearchCallCompleted",
    "FileSearchCallInProgress",
    "FileSearchCallSearching",
    "FunctionArgumentsDelta",
    "FunctionArgumentsDone",
    "ImageGenerationCallCompleted",
    "ImageGenerationCallGenerating",
    "ImageGenerationCallInProgress",
    "McpArgumentsDelta",
    "McpArgumentsDone",
    "McpCallCompleted",
    "McpCallFailed",
    "McpCallInProgress",
    "McpListToolsCompleted",
    "McpListToolsFailed",
    "McpListToolsInProgress",
    "PartialImage",
    "ShellCommandAdded",
    "ShellCommandDelta",
    "ShellCommandDone",
    "ShellOutputDelta",
    "ShellOutputDone",
    "WebSearchCallCompleted",
    "WebSearchCallInProgress",
    "WebSearchCallSearching",
]


class CodeInterpreterCallInProgress(ItemEvent):
    """The code is being prepared."""

    type: Literal["response.code_interpreter_call.in_progress"] = "response.code_interpreter_call.in_progress"


class CodeInterpreterCallInterpreting(ItemEvent):
    """The code runs."""

    type: Literal["response.code_interpreter_call.interpreting"] = "response.code_interpreter_call.interpreting"


class CodeInterpreterCallCompleted(ItemEvent):
    """The code is done."""

    type: Literal["response.code_interpreter_call.completed"] = "response.code_interpreter_call.completed"


class FileSearchCallInProgress(ItemEvent):
    """The search over files is being prepared."""

    type: Literal["response.file_search_call.in_progress"] = "response.file_search_call.in_progress"


class FileSearchCallSearching(ItemEvent):
    """The search over files is under way."""

    type: Literal["response.file_search_call.searching"] = "response.file_search_call.searching"


class FileSearchCallCompleted(ItemEvent):
    """The search over files is done."""

    type: Literal["response.file_search_call.completed"] = "response.file_search_call.completed"


class WebSearchCallInProgress(ItemEvent):
    """The search over the web is being prepared."""

    type: Literal["response.web_search_call.in_progress"] = "response.web_search_call.in_progress"


class WebSearchCallSearching(ItemEvent):
    """The search over the web is under way."""

    type: Literal["response.web_search_call.searching"] = "response.web_search_call.searching"


class WebSearchCallCompleted(ItemEvent):
    """The search over the web is done."""

    type: Literal["response.web_search_call.completed"] = "response.web_search_call.completed"


class ImageGenerationCallInProgress(ItemEvent):
    """The image is being prepared."""

    type: Literal["response.image_generation_call.in_progress"] = "response.image_generation_call.in_progress"


class ImageGenerationCallGenerating(ItemEvent):
    """The image is under way."""

    type: Literal["response.image_generation_call.generating"] = "response.image_generation_call.generating"


class ImageGenerationCallCompleted(ItemEvent):
    """The image is done."""

    type: Literal["response.image_generation_call.completed"] = "response.image_generation_call.completed"


class McpCallInProgress(ItemEvent):
    """The call of an MCP server is being prepared."""

    type: Literal["response.mcp_call.in_progress"] = "response.mcp_call.in_progress"


class McpCallCompleted(ItemEvent):
    """The call of an MCP server is done."""

    type: Literal["response.mcp_call.completed"] = "response.mcp_call.completed"


class McpCallFailed(ItemEvent):
    """The call of an MCP server failed."""

    type: Literal["response.mcp_call.failed"] = "response.mcp_call.failed"


class McpListToolsInProgress(ItemEvent):
    """The list of an MCP server's tools is being prepared."""

    type: Literal["response.mcp_list_tools.in_progress"] = "response.mcp_list_tools.in_progress"


class McpListToolsCompleted(ItemEvent):
    """The list of an MCP server's tools is done."""

    type: Literal["response.mcp_list_tools.completed"] = "response.mcp_list_tools.completed"


class McpListToolsFailed(ItemEvent):
    """The list of an MCP server's tools failed."""

    type: Literal["response.mcp_list_tools.failed"] = "response.mcp_list_tools.failed"


class FunctionArgumentsDelta(ItemEvent):
    """A piece of a function's arguments."""

    type: Literal["response.function_call_arguments.delta"] = "response.function_call_arguments.delta"
    delta: str
    obfuscation: str | MISSING = MISSING


class FunctionArgumentsDone(ItemEvent):
    """All of a function's arguments."""

    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    name: str
    arguments: str


class CustomInputDelta(ItemEvent):
    """A piece of a custom tool's input."""

    type: Literal["response.custom_tool_call_input.delta"] = "response.custom_tool_call_input.delta"
    delta: str
    obfuscation: str | MISSING = MISSING


class CustomInputDone(ItemEvent):
    """All of a custom tool's input."""

    type: Literal["response.custom_tool_call_input.done"] = "response.custom_tool_call_input.done"
    input: str


class McpArgumentsDelta(ItemEvent):
    """A piece of an MCP tool's arguments."""

    type: Literal["response.mcp_call_arguments.delta"] = "response.mcp_call_arguments.delta"
    delta: str
    obfuscation: str | MISSING = MISSING


class McpArgumentsDone(ItemEvent):
    """All of an MCP tool's arguments."""

    type: Literal["response.mcp_call_arguments.done"] = "response.mcp_call_arguments.done"
    arguments: str


class CodeDelta(ItemEvent):
    """A piece of the code."""

    type: Literal["response.code_interpreter_call_code.delta"] = "response.code_interpreter_call_code.delta"
    delta: str
    obfuscation: str | MISSING = MISSING


class CodeDone(ItemEvent):
    """All of the code."""

    type: Literal["response.code_interpreter_call_code.done"] = "response.code_interpreter_call_code.done"
    code: str


class PartialImage(ItemEvent):
    """An image as far as it is."""

    type: Literal["response.image_generation_call.partial_image"] = "response.image_generation_call.partial_image"
    partial_image_index: int
    partial_image_b64: str
    size: str | MISSING = MISSING
    quality: str | MISSING = MISSING
    background: str | MISSING = MISSING
    output_format: str | MISSING = MISSING


class ShellCommandAdded(Numbered):
    """A command begins."""

    type: Literal["response.shell_call_command.added"] = "response.shell_call_command.added"
    output_index: int
    command_index: int
    command: str


class ShellCommandDelta(Numbered):
    """A piece of a command."""

    type: Literal["response.shell_call_command.delta"] = "response.shell_call_command.delta"
    output_index: int
    command_index: int
    delta: str
    obfuscation: str | MISSING = MISSING


class ShellCommandDone(Numbered):
    """All of a command."""

    type: Literal["response.shell_call_command.done"] = "response.shell_call_command.done"
    output_index: int
    command_index: int
    command: str


class ShellOutputDelta(ItemEvent):
    """A piece of what a command printed."""

    type: Literal["response.shell_call_output_content.delta"] = "response.shell_call_output_content.delta"
    command_index: int
    delta: dict[str, Any]


class ShellOutputDone(ItemEvent):
    """All of what a command printed."""

    type: Literal["response.shell_call_output_content.done"] = "response.shell_call_output_content.done"
    command_index: int
    output: list[dict[str, Any]]

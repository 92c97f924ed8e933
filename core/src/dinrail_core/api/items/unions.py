"""Every kind of item in one type: those of requests, and those of answers."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag

from dinrail_core.api.items.calls import (
    CustomToolCall,
    CustomToolCallOutput,
    CustomToolCallOutputParam,
    CustomToolCallParam,
    FunctionCall,
    FunctionCallOutput,
    FunctionCallOutputParam,
    FunctionCallParam,
)
from dinrail_core.api.items.code import (
    CodeInterpreterCall,
    CodeInterpreterCallParam,
    Program,
    ProgramOutput,
    ProgramOutputParam,
    ProgramParam,
)
from dinrail_core.api.items.computer import (
    ComputerCall,
    ComputerCallOutput,
    ComputerCallOutputParam,
    ComputerCallParam,
)
from dinrail_core.api.items.images import ImageGenerationCall, ImageGenerationCallParam
from dinrail_core.api.items.mcp import (
    McpApprovalRequest,
    McpApprovalRequestParam,
    McpApprovalResponse,
    McpApprovalResponseParam,
    McpCall,
    McpCallParam,
    McpListTools,
    McpListToolsParam,
)
from dinrail_core.api.items.messages import Message, MessageParam, OutputMessage
from dinrail_core.api.items.patches import (
    ApplyPatchCall,
    ApplyPatchCallOutput,
    ApplyPatchCallOutputParam,
    ApplyPatchCallParam,
)
from dinrail_core.api.items.reasoning import (
    Compaction,
    CompactionParam,
    CompactionTrigger,
    Reasoning,
    ReasoningParam,
)
from dinrail_core.api.items.searches import FileSearchCall, FileSearchCallParam, WebSearchCall, WebSearchCallParam
from dinrail_core.api.items.shell import (
    LocalShellCall,
    LocalShellCallOutput,
    LocalShellCallOutputParam,
    LocalShellCallParam,
    ShellCall,
    ShellCallOutput,
    ShellCallOutputParam,
    ShellCallParam,
)
from dinrail_core.api.items.states import field_of, known_or_not
from dinrail_core.api.items.tool_search import (
    AdditionalTools,
    AdditionalToolsParam,
    ToolSearchCall,
    ToolSearchCallParam,
    ToolSearchOutput,
    ToolSearchOutputParam,
)
from dinrail_core.api.open_enum import Unlisted
from dinrail_core.api.wire import MISSING, Wire

__all__ = ["KINDS", "InputItem", "Item", "ItemReference", "OutputItem", "UnknownItem"]


class ItemReference(Wire):
    """Stands for an item that is kept already."""

    # What has a role is a message without type, though it has an id.
    model_config = ConfigDict(json_schema_extra={"not": {"required": ["role"]}})

    type: Literal["item_reference"] | None | MISSING = MISSING
    id: Annotated[str, Field(min_length=1, max_length=512)]


KINDS = frozenset(
    {
        "additional_tools",
        "apply_patch_call",
        "apply_patch_call_output",
        "code_interpreter_call",
        "compaction",
        "computer_call",
        "computer_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "file_search_call",
        "function_call",
        "function_call_output",
        "image_generation_call",
        "local_shell_call",
        "local_shell_call_output",
        "mcp_approval_request",
        "mcp_approval_response",
        "mcp_call",
        "mcp_list_tools",
        "message",
        "program",
        "program_output",
        "reasoning",
        "shell_call",
        "shell_call_output",
        "tool_search_call",
        "tool_search_output",
        "web_search_call",
    }
)
"""The ``type`` of every kind of item that can be kept."""

_OTHER_INPUT = KINDS - {"message"} | {"compaction_trigger"}
_INPUT_KINDS = ", ".join(f"'{kind}'" for kind in sorted({*KINDS, "compaction_trigger", "item_reference"}))


def _kind_of_input(value: Any) -> str:
    """Items without type are messages; what has an id and no role either is a reference."""
    kind = field_of(value, "type")
    if kind is None:
        return "item_reference" if field_of(value, "id") is not None and field_of(value, "role") is None else "message"
    return kind if kind in ("message", "item_reference") else known_or_not(value, _OTHER_INPUT)


InputItem: TypeAlias = Annotated[
    Annotated[MessageParam, Tag("message")]
    | Annotated[
        Annotated[
            FunctionCallParam
            | FunctionCallOutputParam
            | CustomToolCallParam
            | CustomToolCallOutputParam
            | FileSearchCallParam
            | WebSearchCallParam
            | ImageGenerationCallParam
            | ComputerCallParam
            | ComputerCallOutputParam
            | ToolSearchCallParam
            | ToolSearchOutputParam
            | AdditionalToolsParam
            | ReasoningParam
            | CompactionParam
            | CompactionTrigger
            | ProgramParam
            | ProgramOutputParam
            | CodeInterpreterCallParam
            | LocalShellCallParam
            | LocalShellCallOutputParam
            | ShellCallParam
            | ShellCallOutputParam
            | ApplyPatchCallParam
            | ApplyPatchCallOutputParam
            | McpListToolsParam
            | McpApprovalRequestParam
            | McpApprovalResponseParam
            | McpCallParam,
            Field(discriminator="type"),
        ],
        Tag("known"),
    ]
    | Annotated[ItemReference, Tag("item_reference")],
    Discriminator(
        _kind_of_input,
        custom_error_type="union_tag_invalid",
        custom_error_context={
            "discriminator": "'type'",
            "tag": "?",
            "expected_tags": _INPUT_KINDS,
        },
    ),
]
"""An item as a request may say it."""


class UnknownItem(Wire):
    """An item of a kind that the specification does not have, as an upstream may send it; it is handed on as it is."""

    type: str
    id: str


def _kind(value: Any) -> str:
    return known_or_not(value, KINDS)


_Other: TypeAlias = (
    FunctionCall
    | FunctionCallOutput
    | CustomToolCall
    | CustomToolCallOutput
    | FileSearchCall
    | WebSearchCall
    | ImageGenerationCall
    | ComputerCall
    | ComputerCallOutput
    | ToolSearchCall
    | ToolSearchOutput
    | AdditionalTools
    | Reasoning
    | Compaction
    | Program
    | ProgramOutput
    | CodeInterpreterCall
    | LocalShellCall
    | LocalShellCallOutput
    | ShellCall
    | ShellCallOutput
    | ApplyPatchCall
    | ApplyPatchCallOutput
    | McpListTools
    | McpApprovalRequest
    | McpApprovalResponse
    | McpCall
)

Item: TypeAlias = Annotated[
    Annotated[Annotated[Message | _Other, Field(discriminator="type")], Tag("known")]
    | Annotated[UnknownItem, Unlisted(), Tag("unknown")],
    Discriminator(_kind),
]
"""An item that is kept."""

OutputItem: TypeAlias = Annotated[
    Annotated[Annotated[OutputMessage | _Other, Field(discriminator="type")], Tag("known")]
    | Annotated[UnknownItem, Unlisted(), Tag("unknown")],
    Discriminator(_kind),
]
"""An item that a response puts out."""

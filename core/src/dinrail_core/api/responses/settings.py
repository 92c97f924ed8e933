"""How a response is made: what a request says about it, and its answer repeats."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.items.states import LongText, Url
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "AllowedToolsChoice",
    "ContextManagement",
    "ConversationId",
    "CustomChoice",
    "FileVariable",
    "FunctionChoice",
    "ImageVariable",
    "JsonObjectFormat",
    "JsonSchemaFormat",
    "McpChoice",
    "ModerationPolicy",
    "ModerationRule",
    "PlainTextFormat",
    "PromptReference",
    "ReasoningSettings",
    "ResponseModeration",
    "StreamOptions",
    "TextFormat",
    "TextSettings",
    "TextVariable",
    "ToolChoice",
    "ToolTypeChoice",
    "Variable",
]


class PlainTextFormat(Wire):
    """The answer is plain text."""

    type: Literal["text"] = "text"


class JsonObjectFormat(Wire):
    """The answer is some JSON object."""

    type: Literal["json_object"] = "json_object"


class JsonSchemaFormat(Wire):
    """The answer is JSON of a given shape."""

    type: Literal["json_schema"] = "json_schema"
    name: Annotated[str, Field(pattern="^[a-zA-Z0-9_-]+$", max_length=64)]
    description: str | None | MISSING = MISSING
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None | MISSING = MISSING
    """Whether the answer must follow the schema to the letter."""


TextFormat: TypeAlias = Annotated[PlainTextFormat | JsonSchemaFormat | JsonObjectFormat, Field(discriminator="type")]
"""The form of the answer."""


class TextSettings(Wire):
    """How the model's text looks."""

    format: TextFormat | MISSING = MISSING
    verbosity: Literal["low", "medium", "high"] | None | MISSING = MISSING


class ReasoningSettings(Wire):
    """How the model thinks."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None | MISSING = MISSING
    summary: Literal["auto", "concise", "detailed"] | None | MISSING = MISSING
    generate_summary: Literal["auto", "concise", "detailed"] | None | MISSING = MISSING
    """Deprecated; ``summary`` took its place."""
    context: Literal["auto", "current_turn", "all_turns"] | None | MISSING = MISSING
    mode: Annotated[str, OpenEnum("standard", "pro")] | MISSING = MISSING


class FunctionChoice(Wire):
    """The model must call this function."""

    type: Literal["function"] = "function"
    name: str


class CustomChoice(Wire):
    """The model must call this custom tool."""

    type: Literal["custom"] = "custom"
    name: str


class McpChoice(Wire):
    """The model must call a tool of this MCP server."""

    type: Literal["mcp"] = "mcp"
    server_label: str
    name: str | None | MISSING = MISSING


class ToolTypeChoice(Wire):
    """The model must use a tool of this type."""

    type: Literal[
        "file_search",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "computer",
        "computer_use_preview",
        "computer_use",
        "image_generation",
        "code_interpreter",
        "programmatic_tool_calling",
        "apply_patch",
        "shell",
        "local_shell",
    ]


class AllowedToolsChoice(Wire):
    """The model may, or must, call one of a selection of tools, and can call no other."""

    type: Literal["allowed_tools"] = "allowed_tools"
    mode: Literal["none", "auto", "required"]
    tools: Many[dict[str, Any]]
    """Tools by reference, such as ``{"type": "function", "name": "weather"}``."""


ToolChoice: TypeAlias = (
    Literal["none", "auto", "required"]
    | Annotated[
        AllowedToolsChoice | FunctionChoice | CustomChoice | McpChoice | ToolTypeChoice, Field(discriminator="type")
    ]
)
"""Whether tools are called, and which."""


class TextVariable(Wire):
    """Text for a prompt's variable."""

    type: Literal["input_text"] = "input_text"
    text: LongText


class ImageVariable(Wire):
    """An image for a prompt's variable."""

    type: Literal["input_image"] = "input_image"
    image_url: Url | None | MISSING = MISSING
    file_id: str | None | MISSING = MISSING
    detail: Literal["low", "high", "auto", "original"] | None | MISSING = MISSING


class FileVariable(Wire):
    """A document for a prompt's variable."""

    type: Literal["input_file"] = "input_file"
    file_id: str | None | MISSING = MISSING
    filename: str | None | MISSING = MISSING
    file_data: str | None | MISSING = MISSING
    file_url: Url | None | MISSING = MISSING
    detail: Literal["auto", "low", "high"] | MISSING = MISSING


def _kind_of_variable(value: Any) -> str:
    return "text" if isinstance(value, str) else "part"


Variable: TypeAlias = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[
        Annotated[TextVariable | ImageVariable | FileVariable, Field(discriminator="type")],
        Tag("part"),
    ],
    Discriminator(_kind_of_variable),
]
"""A value for a prompt's variable."""


class PromptReference(Wire):
    """A stored prompt, and values for its variables."""

    id: Annotated[str, Field(min_length=1)]
    version: str | None | MISSING = MISSING
    """The default one where nothing is said."""
    variables: dict[str, Variable] | None | MISSING = MISSING


class ConversationId(Wire):
    """The conversation that a response belongs to."""

    id: Annotated[str, Field(min_length=1)]


class ContextManagement(Wire):
    """How a history that grows is kept within bounds."""

    type: Literal["compaction"]
    compact_threshold: Annotated[int, Field(ge=1000)] | None | MISSING = MISSING
    """Tokens of input above which the history is compacted before the model sees it."""


class ModerationRule(Wire):
    """What happens to flagged content."""

    mode: Literal["score", "block"]


class ModerationPolicy(Wire):
    """Rules for what goes in and for what comes out."""

    input: ModerationRule | None | MISSING = MISSING
    output: ModerationRule | None | MISSING = MISSING


class ResponseModeration(Wire):
    """Moderation that runs along with the response."""

    model: str
    policy: ModerationPolicy | None | MISSING = MISSING


class StreamOptions(Wire):
    """How a stream is sent."""

    include_obfuscation: bool | MISSING = MISSING
    """Whether deltas are padded to hide the length of what they carry."""

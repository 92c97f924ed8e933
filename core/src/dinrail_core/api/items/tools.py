"""Tools that a model has: those that the server runs for it, and those that the caller runs."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.items.containers import AutoCodeContainer, AutoContainer, ContainerReference, LocalEnvironment
from dinrail_core.api.items.filters import Filter
from dinrail_core.api.items.states import Url, known_or_not
from dinrail_core.api.open_enum import Unlisted
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "ApplyPatchTool",
    "CodeInterpreterTool",
    "ComputerTool",
    "ComputerUsePreviewTool",
    "CustomTool",
    "FileSearchTool",
    "FunctionTool",
    "FunctionToolParam",
    "Grammar",
    "HybridSearch",
    "ImageGenerationTool",
    "ImageMask",
    "LocalShellTool",
    "Location",
    "McpApproval",
    "McpFilter",
    "McpServerTool",
    "NamespaceTool",
    "PlainText",
    "PreviewLocation",
    "ProgrammaticToolCalling",
    "RankingOptions",
    "ShellTool",
    "Tool",
    "ToolParam",
    "ToolSearchTool",
    "UnknownTool",
    "WebSearchFilters",
    "WebSearchPreviewTool",
    "WebSearchTool",
]

Callers: TypeAlias = Annotated[Many[Literal["direct", "programmatic"]], Field(min_length=1)] | None | MISSING
"""Who may call a tool: the model itself, or programs that it writes."""


class FunctionToolParam(Wire):
    """A function that the caller runs, as a request offers it."""

    type: Literal["function"] = "function"
    name: Annotated[str, Field(min_length=1, max_length=128, pattern="^[a-zA-Z0-9_-]+$")]
    description: str | None | MISSING = MISSING
    parameters: dict[str, Any] | None | MISSING = MISSING
    """JSON schema of the arguments."""
    strict: bool | None | MISSING = MISSING
    """Whether the arguments must follow ``parameters`` to the letter."""
    output_schema: dict[str, Any] | None | MISSING = MISSING
    defer_loading: bool | MISSING = MISSING
    """Whether the model only learns of it by searching for tools."""
    allowed_callers: Callers = MISSING


class FunctionTool(Wire):
    """A function that the caller runs."""

    type: Literal["function"] = "function"
    name: str
    description: str | None | MISSING = MISSING
    parameters: dict[str, Any] | None
    strict: bool | None
    output_schema: dict[str, Any] | None | MISSING = MISSING
    defer_loading: bool | MISSING = MISSING
    allowed_callers: Callers = MISSING


class HybridSearch(Wire):
    """How meaning and words weigh against each other."""

    embedding_weight: float
    text_weight: float


class RankingOptions(Wire):
    """How what is found is ranked."""

    ranker: Literal["auto", "default-2024-11-15"] | MISSING = MISSING
    score_threshold: float | MISSING = MISSING
    hybrid_search: HybridSearch | MISSING = MISSING


class FileSearchTool(Wire):
    """Searches vector stores."""

    type: Literal["file_search"] = "file_search"
    vector_store_ids: Many[str]
    max_num_results: int | MISSING = MISSING
    ranking_options: RankingOptions | MISSING = MISSING
    filters: Filter | None | MISSING = MISSING


class ComputerTool(Wire):
    """A computer that the caller lends to the model."""

    type: Literal["computer"] = "computer"


class ComputerUsePreviewTool(Wire):
    """The same in its first form."""

    type: Literal["computer_use_preview"] = "computer_use_preview"
    environment: Literal["windows", "mac", "linux", "ubuntu", "browser"]
    display_width: int
    display_height: int


class Location(Wire):
    """Roughly where the user is."""

    type: Literal["approximate"] | MISSING = MISSING
    country: str | None | MISSING = MISSING
    """ISO 3166-1, two letters."""
    region: str | None | MISSING = MISSING
    city: str | None | MISSING = MISSING
    timezone: str | None | MISSING = MISSING
    """IANA name."""


class PreviewLocation(Location):
    """The same for the first form of web search, which wants its type said."""

    type: Literal["approximate"]


class WebSearchFilters(Wire):
    """Where a web search may look."""

    allowed_domains: Many[str] | None | MISSING = MISSING


class WebSearchTool(Wire):
    """Searches the web."""

    type: Literal["web_search", "web_search_2025_08_26"]
    external_web_access: bool | MISSING = MISSING
    filters: WebSearchFilters | None | MISSING = MISSING
    user_location: Location | None | MISSING = MISSING
    search_context_size: Literal["low", "medium", "high"] | MISSING = MISSING


class WebSearchPreviewTool(Wire):
    """The same in its first form."""

    type: Literal["web_search_preview", "web_search_preview_2025_03_11"]
    user_location: PreviewLocation | None | MISSING = MISSING
    search_context_size: Literal["low", "medium", "high"] | MISSING = MISSING
    search_content_types: Many[Literal["text", "image"]] | MISSING = MISSING


class McpFilter(Wire):
    """Some of a server's tools."""

    tool_names: Many[str] | MISSING = MISSING
    read_only: bool | MISSING = MISSING


class McpApproval(Wire):
    """Which tools need the caller's approval for each call."""

    always: McpFilter | MISSING = MISSING
    never: McpFilter | MISSING = MISSING


class McpServerTool(Wire):
    """The tools of an MCP server."""

    type: Literal["mcp"] = "mcp"
    server_label: str
    server_url: Url | MISSING = MISSING
    connector_id: (
        Literal[
            "connector_dropbox",
            "connector_gmail",
            "connector_googlecalendar",
            "connector_googledrive",
            "connector_microsoftteams",
            "connector_outlookcalendar",
            "connector_outlookemail",
            "connector_sharepoint",
        ]
        | MISSING
    ) = MISSING
    tunnel_id: Annotated[str, Field(pattern="^tunnel_[a-z0-9]{32}$")] | MISSING = MISSING
    authorization: str | MISSING = MISSING
    """Used for the request, and never kept."""
    headers: dict[str, str] | None | MISSING = MISSING
    """Used for the request, and never kept."""
    server_description: str | MISSING = MISSING
    allowed_tools: Many[str] | McpFilter | None | MISSING = MISSING
    allowed_callers: Callers = MISSING
    require_approval: McpApproval | Literal["always", "never"] | None | MISSING = MISSING
    defer_loading: bool | MISSING = MISSING


class CodeInterpreterTool(Wire):
    """Runs Python that the model writes."""

    type: Literal["code_interpreter"] = "code_interpreter"
    container: str | AutoCodeContainer
    allowed_callers: Callers = MISSING


class ProgrammaticToolCalling(Wire):
    """Runs programs that the model writes to call other tools."""

    type: Literal["programmatic_tool_calling"] = "programmatic_tool_calling"


class ImageMask(Wire):
    """The part of an image that is to be changed."""

    image_url: str | MISSING = MISSING
    file_id: str | MISSING = MISSING


class ImageGenerationTool(Wire):
    """Makes and changes images."""

    type: Literal["image_generation"] = "image_generation"
    model: str | MISSING = MISSING
    quality: Literal["low", "medium", "high", "auto"] | MISSING = MISSING
    size: str | MISSING = MISSING
    """Like ``1024x1536``, or ``auto``."""
    output_format: Literal["png", "webp", "jpeg"] | MISSING = MISSING
    output_compression: Annotated[int, Field(ge=0, le=100)] | MISSING = MISSING
    moderation: Literal["auto", "low"] | MISSING = MISSING
    background: Literal["transparent", "opaque", "auto"] | MISSING = MISSING
    input_fidelity: Literal["high", "low"] | None | MISSING = MISSING
    input_image_mask: ImageMask | MISSING = MISSING
    partial_images: Annotated[int, Field(ge=0, le=3)] | MISSING = MISSING
    action: Literal["generate", "edit", "auto"] | MISSING = MISSING


class LocalShellTool(Wire):
    """A shell of the caller's."""

    type: Literal["local_shell"] = "local_shell"


class ShellTool(Wire):
    """A shell."""

    type: Literal["shell"] = "shell"
    environment: (
        Annotated[AutoContainer | LocalEnvironment | ContainerReference, Field(discriminator="type")] | None | MISSING
    ) = MISSING
    allowed_callers: Callers = MISSING


class PlainText(Wire):
    """Input of a custom tool without any form."""

    type: Literal["text"] = "text"


class Grammar(Wire):
    """Input of a custom tool that follows a grammar."""

    type: Literal["grammar"] = "grammar"
    syntax: Literal["lark", "regex"]
    definition: str


class CustomTool(Wire):
    """A tool that the caller runs and that takes text instead of JSON."""

    type: Literal["custom"] = "custom"
    name: str
    description: str | MISSING = MISSING
    format: Annotated[PlainText | Grammar, Field(discriminator="type")] | MISSING = MISSING
    defer_loading: bool | MISSING = MISSING
    allowed_callers: Callers = MISSING


class NamespaceTool(Wire):
    """Functions and custom tools under one name."""

    type: Literal["namespace"] = "namespace"
    name: Annotated[str, Field(min_length=1)]
    description: str
    tools: Annotated[Many[Annotated[FunctionToolParam | CustomTool, Field(discriminator="type")]], Field(min_length=1)]


class ToolSearchTool(Wire):
    """Searches for tools whose loading is deferred."""

    type: Literal["tool_search"] = "tool_search"
    execution: Literal["server", "client"] | MISSING = MISSING
    description: str | None | MISSING = MISSING
    parameters: dict[str, Any] | None | MISSING = MISSING


class ApplyPatchTool(Wire):
    """Changes files of the caller's."""

    type: Literal["apply_patch"] = "apply_patch"
    allowed_callers: Callers = MISSING


class UnknownTool(Wire):
    """A tool of a kind that the specification does not have; it is handed on as it is."""

    type: str


ToolParam: TypeAlias = Annotated[
    FunctionToolParam
    | FileSearchTool
    | ComputerTool
    | ComputerUsePreviewTool
    | WebSearchTool
    | McpServerTool
    | CodeInterpreterTool
    | ProgrammaticToolCalling
    | ImageGenerationTool
    | LocalShellTool
    | ShellTool
    | CustomTool
    | NamespaceTool
    | ToolSearchTool
    | WebSearchPreviewTool
    | ApplyPatchTool,
    Field(discriminator="type"),
]
"""A tool, as a request offers it."""

_KNOWN = frozenset(
    {
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use_preview",
        "custom",
        "file_search",
        "function",
        "image_generation",
        "local_shell",
        "mcp",
        "namespace",
        "programmatic_tool_calling",
        "shell",
        "tool_search",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    }
)


def _kind(value: Any) -> str:
    return known_or_not(value, _KNOWN)


Tool: TypeAlias = Annotated[
    Annotated[
        Annotated[
            FunctionTool
            | FileSearchTool
            | ComputerTool
            | ComputerUsePreviewTool
            | WebSearchTool
            | McpServerTool
            | CodeInterpreterTool
            | ProgrammaticToolCalling
            | ImageGenerationTool
            | LocalShellTool
            | ShellTool
            | CustomTool
            | NamespaceTool
            | ToolSearchTool
            | WebSearchPreviewTool
            | ApplyPatchTool,
            Field(discriminator="type"),
        ],
        Tag("known"),
    ]
    | Annotated[UnknownTool, Unlisted(), Tag("unknown")],
    Discriminator(_kind),
]
"""A tool, as answers tell it."""

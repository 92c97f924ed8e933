"""The union of all events of a response's stream.

Specifications: OpenAI's 2.3.0 (``ResponseStreamEvent``) and Open Responses 2026-04-24; where they disagree, OpenAI's
names, and an ``error`` event that carries both shapes.
"""

from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.items.states import known_or_not
from dinrail_core.api.open_enum import Unlisted
from dinrail_core.api.responses.text_events import (
    AnnotationAdded,
    AudioDelta,
    AudioDone,
    AudioTranscriptDelta,
    AudioTranscriptDone,
    ContentPartAdded,
    ContentPartDone,
    ErrorEvent,
    OutputItemAdded,
    OutputItemDone,
    ReasoningSummaryPartAdded,
    ReasoningSummaryPartDone,
    ReasoningSummaryTextDelta,
    ReasoningSummaryTextDone,
    ReasoningTextDelta,
    ReasoningTextDone,
    RefusalDelta,
    RefusalDone,
    ResponseCompleted,
    ResponseCreated,
    ResponseFailed,
    ResponseIncomplete,
    ResponseInProgress,
    ResponseQueued,
    TextDelta,
    TextDone,
)
from dinrail_core.api.responses.tool_events import (
    CodeDelta,
    CodeDone,
    CodeInterpreterCallCompleted,
    CodeInterpreterCallInProgress,
    CodeInterpreterCallInterpreting,
    CustomInputDelta,
    CustomInputDone,
    FileSearchCallCompleted,
    FileSearchCallInProgress,
    FileSearchCallSearching,
    FunctionArgumentsDelta,
    FunctionArgumentsDone,
    ImageGenerationCallCompleted,
    ImageGenerationCallGenerating,
    ImageGenerationCallInProgress,
    McpArgumentsDelta,
    McpArgumentsDone,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
    PartialImage,
    ShellCommandAdded,
    ShellCommandDelta,
    ShellCommandDone,
    ShellOutputDelta,
    ShellOutputDone,
    WebSearchCallCompleted,
    WebSearchCallInProgress,
    WebSearchCallSearching,
)
from dinrail_core.api.wire import Wire

__all__ = ["KINDS", "Event", "UnknownEvent"]


class UnknownEvent(Wire):
    """An event of a kind that the specifications do not have; it is handed on as it is."""

    type: str


KINDS = frozenset(
    {
        "error",
        "response.audio.delta",
        "response.audio.done",
        "response.audio.transcript.delta",
        "response.audio.transcript.done",
        "response.code_interpreter_call.completed",
        "response.code_interpreter_call.in_progress",
        "response.code_interpreter_call.interpreting",
        "response.code_interpreter_call_code.delta",
        "response.code_interpreter_call_code.done",
        "response.completed",
        "response.content_part.added",
        "response.content_part.done",
        "response.created",
        "response.custom_tool_call_input.delta",
        "response.custom_tool_call_input.done",
        "response.failed",
        "response.file_search_call.completed",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.image_generation_call.completed",
        "response.image_generation_call.generating",
        "response.image_generation_call.in_progress",
        "response.image_generation_call.partial_image",
        "response.in_progress",
        "response.incomplete",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.mcp_call.in_progress",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_list_tools.completed",
        "response.mcp_list_tools.failed",
        "response.mcp_list_tools.in_progress",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.annotation.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.queued",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.refusal.delta",
        "response.refusal.done",
        "response.shell_call_command.added",
        "response.shell_call_command.delta",
        "response.shell_call_command.done",
        "response.shell_call_output_content.delta",
        "response.shell_call_output_content.done",
        "response.web_search_call.completed",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
    }
)
"""The ``type`` of every kind of event."""


def _kind(value: Any) -> str:
    return known_or_not(value, KINDS)


Event: TypeAlias = Annotated[
    Annotated[
        Annotated[
            AnnotationAdded
            | AudioDelta
            | AudioDone
            | AudioTranscriptDelta
            | AudioTranscriptDone
            | ContentPartAdded
            | ContentPartDone
            | ErrorEvent
            | OutputItemAdded
            | OutputItemDone
            | ReasoningSummaryPartAdded
            | ReasoningSummaryPartDone
            | ReasoningSummaryTextDelta
            | ReasoningSummaryTextDone
            | ReasoningTextDelta
            | ReasoningTextDone
            | RefusalDelta
            | RefusalDone
            | ResponseCompleted
            | ResponseCreated
            | ResponseFailed
            | ResponseInProgress
            | ResponseIncomplete
            | ResponseQueued
            | TextDelta
            | TextDone
            | CodeDelta
            | CodeDone
            | CodeInterpreterCallCompleted
            | CodeInterpreterCallInProgress
            | CodeInterpreterCallInterpreting
            | CustomInputDelta
            | CustomInputDone
            | FileSearchCallCompleted
            | FileSearchCallInProgress
            | FileSearchCallSearching
            | FunctionArgumentsDelta
            | FunctionArgumentsDone
            | ImageGenerationCallCompleted
            | ImageGenerationCallGenerating
            | ImageGenerationCallInProgress
            | McpArgumentsDelta
            | McpArgumentsDone
            | McpCallCompleted
            | McpCallFailed
            | McpCallInProgress
            | McpListToolsCompleted
            | McpListToolsFailed
            | McpListToolsInProgress
            | PartialImage
            | ShellCommandAdded
            | ShellCommandDelta
            | ShellCommandDone
            | ShellOutputDelta
            | ShellOutputDone
            | WebSearchCallCompleted
            | WebSearchCallInProgress
            | WebSearchCallSearching,
            Field(discriminator="type"),
        ],
        Tag("known"),
    ]
    | Annotated[UnknownEvent, Unlisted(), Tag("unknown")],
    Discriminator(_kind),
]
"""One event."""

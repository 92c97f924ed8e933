"""Events about a response as a whole, its items, and what the model says and thinks."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.items.content import (
    Annotation,
    OutputText,
    ReasoningText,
    Refusal,
    SummaryText,
    TokenLogprob,
)
from dinrail_core.api.items.unions import OutputItem
from dinrail_core.api.responses.response import Response
from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "AnnotationAdded",
    "AudioDelta",
    "AudioDone",
    "AudioTranscriptDelta",
    "AudioTranscriptDone",
    "ContentPartAdded",
    "ContentPartDone",
    "ErrorDetails",
    "ErrorEvent",
    "ItemEvent",
    "Numbered",
    "OutputItemAdded",
    "OutputItemDone",
    "ReasoningSummaryPartAdded",
    "ReasoningSummaryPartDone",
    "ReasoningSummaryTextDelta",
    "ReasoningSummaryTextDone",
    "ReasoningTextDelta",
    "ReasoningTextDone",
    "RefusalDelta",
    "RefusalDone",
    "ResponseCompleted",
    "ResponseCreated",
    "ResponseFailed",
    "ResponseInProgress",
    "ResponseIncomplete",
    "ResponseQueued",
    "TextDelta",
    "TextDone",
]

Part: TypeAlias = Annotated[OutputText | Refusal | ReasoningText, Field(discriminator="type")]


class Numbered(Wire):
    """An event; numbers of a stream begin at 0 and have no gap."""

    sequence_number: int


class ItemEvent(Numbered):
    """An event about one item of the output."""

    item_id: str
    output_index: int


class ResponseCreated(Numbered):
    """The response is there."""

    type: Literal["response.created"] = "response.created"
    response: Response


class ResponseQueued(Numbered):
    """The response waits for its turn."""

    type: Literal["response.queued"] = "response.queued"
    response: Response


class ResponseInProgress(Numbered):
    """The response is being made."""

    type: Literal["response.in_progress"] = "response.in_progress"
    response: Response


class ResponseCompleted(Numbered):
    """The response is complete; nothing follows."""

    type: Literal["response.completed"] = "response.completed"
    response: Response


class ResponseFailed(Numbered):
    """The response failed; nothing follows."""

    type: Literal["response.failed"] = "response.failed"
    response: Response


class ResponseIncomplete(Numbered):
    """The response ended before its end; nothing follows."""

    type: Literal["response.incomplete"] = "response.incomplete"
    response: Response


class OutputItemAdded(Numbered):
    """An item begins."""

    type: Literal["response.output_item.added"] = "response.output_item.added"
    output_index: int
    item: OutputItem


class OutputItemDone(Numbered):
    """An item is complete."""

    type: Literal["response.output_item.done"] = "response.output_item.done"
    output_index: int
    item: OutputItem


class ContentPartAdded(ItemEvent):
    """A part of an item begins."""

    type: Literal["response.content_part.added"] = "response.content_part.added"
    content_index: int
    part: Part


class ContentPartDone(ItemEvent):
    """A part of an item is complete."""

    type: Literal["response.content_part.done"] = "response.content_part.done"
    content_index: int
    part: Part


class TextDelta(ItemEvent):
    """A piece of text."""

    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    content_index: int
    delta: str
    logprobs: list[TokenLogprob]
    obfuscation: str | MISSING = MISSING


class TextDone(ItemEvent):
    """All of the text."""

    type: Literal["response.output_text.done"] = "response.output_text.done"
    content_index: int
    text: str
    logprobs: list[TokenLogprob]


class AnnotationAdded(ItemEvent):
    """Says what a part of the text rests on."""

    type: Literal["response.output_text.annotation.added"] = "response.output_text.annotation.added"
    content_index: int
    annotation_index: int
    annotation: Annotation


class RefusalDelta(ItemEvent):
    """A piece of a refusal."""

    type: Literal["response.refusal.delta"] = "response.refusal.delta"
    content_index: int
    delta: str
    obfuscation: str | MISSING = MISSING


class RefusalDone(ItemEvent):
    """All of the refusal."""

    type: Literal["response.refusal.done"] = "response.refusal.done"
    content_index: int
    refusal: str


class ReasoningTextDelta(ItemEvent):
    """A piece of the model's thoughts."""

    type: Literal["response.reasoning_text.delta"] = "response.reasoning_text.delta"
    content_index: int
    delta: str
    obfuscation: str | MISSING = MISSING


class ReasoningTextDone(ItemEvent):
    """All of the thoughts."""

    type: Literal["response.reasoning_text.done"] = "response.reasoning_text.done"
    content_index: int
    text: str


class ReasoningSummaryPartAdded(ItemEvent):
    """A part of the thoughts' summary begins."""

    type: Literal["response.reasoning_summary_part.added"] = "response.reasoning_summary_part.added"
    summary_index: int
    part: SummaryText


class ReasoningSummaryPartDone(ItemEvent):
    """A part of the thoughts' summary is complete."""

    type: Literal["response.reasoning_summary_part.done"] = "response.reasoning_summary_part.done"
    summary_index: int
    part: SummaryText
    status: str | MISSING = MISSING


class ReasoningSummaryTextDelta(ItemEvent):
    """A piece of the thoughts' summary."""

    type: Literal["response.reasoning_summary_text.delta"] = "response.reasoning_summary_text.delta"
    summary_index: int
    delta: str
    obfuscation: str | MISSING = MISSING


class ReasoningSummaryTextDone(ItemEvent):
    """All of a part of the thoughts' summary."""

    type: Literal["response.reasoning_summary_text.done"] = "response.reasoning_summary_text.done"
    summary_index: int
    text: str


class AudioDelta(Numbered):
    """A piece of speech."""

    type: Literal["response.audio.delta"] = "response.audio.delta"
    delta: str


class AudioDone(Numbered):
    """The speech is complete."""

    type: Literal["response.audio.done"] = "response.audio.done"
    response_id: str | MISSING = MISSING


class AudioTranscriptDelta(Numbered):
    """A piece of what is spoken, as text."""

    type: Literal["response.audio.transcript.delta"] = "response.audio.transcript.delta"
    delta: str
    response_id: str | MISSING = MISSING


class AudioTranscriptDone(Numbered):
    """The text of what is spoken is complete."""

    type: Literal["response.audio.transcript.done"] = "response.audio.transcript.done"
    response_id: str | MISSING = MISSING


class ErrorDetails(Wire):
    """What went wrong, as Open Responses nests it."""

    type: str
    code: str | None
    message: str
    param: str | None


class ErrorEvent(Numbered):
    """Something went wrong; in both specifications' shapes at once."""

    type: Literal["error"] = "error"
    code: str | None
    message: str
    param: str | None
    error: ErrorDetails | MISSING = MISSING

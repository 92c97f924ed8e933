"""The parts that messages, reasoning and tools' outputs are made of."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.items.states import LongText, Url, known_or_not
from dinrail_core.api.open_enum import OpenEnum, Unlisted
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "Annotation",
    "AssistantPartParam",
    "CacheBreakpoint",
    "ContainerFileCitation",
    "Content",
    "FileCitation",
    "FilePath",
    "InputFile",
    "InputFileParam",
    "InputImage",
    "InputImageParam",
    "InputPart",
    "InputPartParam",
    "InputText",
    "InputTextParam",
    "InputVideo",
    "OutputPart",
    "OutputText",
    "OutputTextParam",
    "ReasoningText",
    "Refusal",
    "Screenshot",
    "SummaryText",
    "Text",
    "TextPartParam",
    "TokenLogprob",
    "TopLogprob",
    "UnknownAnnotation",
    "UnknownPart",
    "UrlCitation",
]

Detail: TypeAlias = Literal["low", "high", "auto", "original"]
FileDetail: TypeAlias = Literal["auto", "low", "high"]
ImageDetail: TypeAlias = Annotated[str, OpenEnum("low", "high", "auto", "original")]


class CacheBreakpoint(Wire):
    """Marks the end of a prefix that is worth caching."""

    mode: Literal["explicit"]


class InputTextParam(Wire):
    """Text for the model."""

    type: Literal["input_text"] = "input_text"
    text: LongText
    prompt_cache_breakpoint: CacheBreakpoint | None | MISSING = MISSING


class InputText(Wire):
    """Text for the model."""

    type: Literal["input_text"] = "input_text"
    text: str
    prompt_cache_breakpoint: CacheBreakpoint | MISSING = MISSING


class InputImageParam(Wire):
    """An image for the model, by URL (``data:`` too) or as a file of the caller's."""

    type: Literal["input_image"] = "input_image"
    image_url: Annotated[Url, Field(max_length=20_971_520)] | None | MISSING = MISSING
    file_id: str | None | MISSING = MISSING
    detail: Detail | None | MISSING = MISSING
    """How closely the model looks; ``auto`` where nothing is said."""
    prompt_cache_breakpoint: CacheBreakpoint | None | MISSING = MISSING


class InputImage(Wire):
    """An image for the model."""

    type: Literal["input_image"] = "input_image"
    image_url: Url | None | MISSING = MISSING
    file_id: str | None | MISSING = MISSING
    detail: ImageDetail
    prompt_cache_breakpoint: CacheBreakpoint | MISSING = MISSING


class InputFileParam(Wire):
    """A document for the model: inline (base64, with its name), by URL, or as a file of the caller's."""

    type: Literal["input_file"] = "input_file"
    file_id: str | None | MISSING = MISSING
    filename: str | None | MISSING = MISSING
    file_data: Annotated[str, Field(max_length=73_400_320)] | None | MISSING = MISSING
    file_url: Url | None | MISSING = MISSING
    detail: FileDetail | MISSING = MISSING
    prompt_cache_breakpoint: CacheBreakpoint | None | MISSING = MISSING


class InputFile(Wire):
    """A document for the model."""

    type: Literal["input_file"] = "input_file"
    file_id: str | None | MISSING = MISSING
    filename: str | MISSING = MISSING
    file_data: str | MISSING = MISSING
    file_url: Url | MISSING = MISSING
    detail: Annotated[str, OpenEnum("auto", "low", "high")] | MISSING = MISSING
    prompt_cache_breakpoint: CacheBreakpoint | MISSING = MISSING


class InputVideo(Wire):
    """A video for the model (Open Responses)."""

    type: Literal["input_video"] = "input_video"
    video_url: Url


class Text(Wire):
    """Plain text."""

    type: Literal["text"] = "text"
    text: str


class SummaryText(Wire):
    """A summary of what the model thought."""

    type: Literal["summary_text"] = "summary_text"
    text: str


class ReasoningText(Wire):
    """What the model thought."""

    type: Literal["reasoning_text"] = "reasoning_text"
    text: str


class Refusal(Wire):
    """The model's refusal."""

    type: Literal["refusal"] = "refusal"
    refusal: str


class Screenshot(Wire):
    """A picture of a screen that a model uses."""

    type: Literal["computer_screenshot"] = "computer_screenshot"
    image_url: Url | None
    file_id: str | None
    detail: ImageDetail
    prompt_cache_breakpoint: CacheBreakpoint | MISSING = MISSING


class FileCitation(Wire):
    """A file that the text rests on."""

    type: Literal["file_citation"] = "file_citation"
    file_id: str
    index: int
    """Behind which character of the text it belongs."""
    filename: str


class UrlCitation(Wire):
    """A web page that a part of the text rests on; the indices count the text's characters."""

    type: Literal["url_citation"] = "url_citation"
    url: Url
    start_index: int
    end_index: int
    title: str


class ContainerFileCitation(Wire):
    """A file of a container (code interpreter) that a part of the text speaks of."""

    type: Literal["container_file_citation"] = "container_file_citation"
    container_id: str
    file_id: str
    start_index: int
    end_index: int
    filename: str


class FilePath(Wire):
    """A file that the model made."""

    type: Literal["file_path"] = "file_path"
    file_id: str
    index: int


class UnknownAnnotation(Wire):
    """A note of a kind that the specification does not have; it is handed on as it is."""

    type: str


_ANNOTATIONS = frozenset({"file_citation", "url_citation", "container_file_citation", "file_path"})


def _kind_of_annotation(value: Any) -> str:
    return known_or_not(value, _ANNOTATIONS)


Annotation: TypeAlias = Annotated[
    Annotated[
        Annotated[FileCitation | UrlCitation | ContainerFileCitation | FilePath, Field(discriminator="type")],
        Tag("known"),
    ]
    | Annotated[UnknownAnnotation, Unlisted(), Tag("unknown")],
    Discriminator(_kind_of_annotation),
]
"""What a part of the text rests on."""


class TopLogprob(Wire):
    """A token that could have stood here."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(Wire):
    """A token of the text, and how likely it was."""

    token: str
    logprob: float
    """Natural logarithm."""
    bytes: list[int]
    """UTF-8; a character may be spread over several tokens."""
    top_logprobs: list[TopLogprob]


class OutputTextParam(Wire):
    """Text that a model said, given back as part of the history."""

    type: Literal["output_text"] = "output_text"
    text: LongText
    annotations: Many[Annotation] | None | MISSING = MISSING
    logprobs: Many[TokenLogprob] | None | MISSING = MISSING


class OutputText(Wire):
    """Text that a model said."""

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[Annotation]
    logprobs: list[TokenLogprob]


class UnknownPart(Wire):
    """A part of a kind that the specification does not have; it is handed on as it is."""

    type: str


InputPartParam: TypeAlias = Annotated[
    InputTextParam | InputImageParam | InputFileParam | InputVideo, Field(discriminator="type")
]
"""What a caller may tell a model, in a message or as a tool's output."""

AssistantPartParam: TypeAlias = Annotated[
    OutputTextParam | Refusal | InputTextParam | InputImageParam | InputFileParam, Field(discriminator="type")
]
"""What an assistant said; some clients call its text ``input_text``, as easy messages allow."""

TextPartParam: TypeAlias = Annotated[InputTextParam, Field(discriminator="type")]
"""A part where text is the only kind; a discriminator, so that another kind is refused as such."""

InputPart: TypeAlias = Annotated[InputText | InputImage | InputFile | InputVideo, Field(discriminator="type")]
"""What a tool put out, as it is kept."""

OutputPart: TypeAlias = Annotated[OutputText | Refusal, Field(discriminator="type")]
"""What a model says."""

_CONTENT = frozenset(
    {
        "input_text",
        "output_text",
        "text",
        "summary_text",
        "reasoning_text",
        "refusal",
        "input_image",
        "computer_screenshot",
        "input_file",
        "input_video",
    }
)


def _kind_of_content(value: Any) -> str:
    return known_or_not(value, _CONTENT)


Content: TypeAlias = Annotated[
    Annotated[
        Annotated[
            InputText
            | OutputText
            | Text
            | SummaryText
            | ReasoningText
            | Refusal
            | InputImage
            | Screenshot
            | InputFile
            | InputVideo,
            Field(discriminator="type"),
        ],
        Tag("known"),
    ]
    | Annotated[UnknownPart, Unlisted(), Tag("unknown")],
    Discriminator(_kind_of_content),
]
"""A part of a message that is kept."""

"""The parts that a chat message's content is made of."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from dinrail_core.api.wire import MISSING, Wire

__all__ = [
    "AssistantPart",
    "AudioData",
    "AudioPart",
    "CacheBreakpoint",
    "FileData",
    "FilePart",
    "ImagePart",
    "ImageUrl",
    "OnlyText",
    "RefusalPart",
    "TextPart",
    "UserPart",
]


class CacheBreakpoint(Wire):
    """Marks the end of a prefix that is worth caching."""

    mode: Literal["explicit"]


class TextPart(Wire):
    """Plain text."""

    type: Literal["text"] = "text"
    text: str
    prompt_cache_breakpoint: CacheBreakpoint | MISSING = MISSING


class ImageUrl(Wire):
    """Where an image is."""

    url: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    """An ``http(s)`` URL, or the image itself as a ``data:`` URL."""
    detail: Literal["auto", "low", "high"] | MISSING = MISSING
    """How closely the model looks, which is also how many tokens the image costs."""


class ImagePart(Wire):
    """An image."""

    type: Literal["image_url"] = "image_url"
    image_url: ImageUrl
    prompt_cache_breakpoint: CacheBreakpoint | MISSING = MISSING


class AudioData(Wire):
    """A recording."""

    data: str
    """Base64."""
    format: Literal["wav", "mp3"]


class AudioPart(Wire):
    """Speech or sound."""

    type: Literal["input_audio"] = "input_audio"
    input_audio: AudioData
    prompt_cache_breakpoint: CacheBreakpoint | MISSING = MISSING


class FileData(Wire):
    """A document, either inline (``file_data`` with ``filename``) or uploaded before (``file_id``)."""

    filename: str | MISSING = MISSING
    file_data: str | MISSING = MISSING
    """Base64, as a ``data:`` URL."""
    file_id: str | MISSING = MISSING


class FilePart(Wire):
    """A document such as a PDF."""

    type: Literal["file"] = "file"
    file: FileData
    prompt_cache_breakpoint: CacheBreakpoint | MISSING = MISSING


class RefusalPart(Wire):
    """The assistant's refusal, given back as part of the history."""

    type: Literal["refusal"] = "refusal"
    refusal: str


UserPart: TypeAlias = Annotated[TextPart | ImagePart | AudioPart | FilePart, Field(discriminator="type")]
"""What a user may say."""

OnlyText: TypeAlias = Annotated[TextPart, Field(discriminator="type")]
"""A part where text is the only kind; a discriminator, so that another kind is refused as such."""

AssistantPart: TypeAlias = Annotated[TextPart | RefusalPart, Field(discriminator="type")]
"""What an assistant may have said."""

"""Images that a tool makes for the model."""

from typing import Annotated, Literal

from dinrail_core.api.items.states import GivenId
from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Wire

__all__ = ["ImageGenerationCall", "ImageGenerationCallParam"]


class ImageGenerationCallParam(Wire):
    """An image that was made, given back as part of the history."""

    type: Literal["image_generation_call"] = "image_generation_call"
    id: GivenId = MISSING
    status: Literal["in_progress", "completed", "generating", "failed"]
    result: str | None | MISSING = MISSING


class ImageGenerationCall(Wire):
    """An image that is made."""

    type: Literal["image_generation_call"] = "image_generation_call"
    id: str
    status: Annotated[str, OpenEnum("in_progress", "completed", "generating", "failed")]
    result: str | None
    """Base64."""

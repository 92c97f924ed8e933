"""Moderation (``POST /v1/moderations``): wire types."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "AppliedInputTypes",
    "Categories",
    "CategoryScores",
    "ModerationImage",
    "ModerationImagePart",
    "ModerationInput",
    "ModerationPart",
    "ModerationRequest",
    "ModerationResponse",
    "ModerationResult",
    "ModerationTextPart",
]


class ModerationImage(Wire):
    """Where an image is."""

    url: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    """An ``http(s)`` URL, or the image itself as a ``data:`` URL."""


class ModerationImagePart(Wire):
    """An image to be judged."""

    type: Literal["image_url"] = "image_url"
    image_url: ModerationImage


class ModerationTextPart(Wire):
    """A text to be judged."""

    type: Literal["text"] = "text"
    text: str


ModerationPart: TypeAlias = Annotated[ModerationImagePart | ModerationTextPart, Field(discriminator="type")]


def _form_of(value: object) -> str | None:
    if isinstance(value, str):
        return "text"
    if not isinstance(value, list):
        return None
    return "texts" if not value or isinstance(value[0], str) else "parts"


ModerationInput: TypeAlias = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[Many[str], Field(min_length=1), Tag("texts")]
    | Annotated[Many[ModerationPart], Field(min_length=1), Tag("parts")],
    Discriminator(
        _form_of,
        custom_error_type="input_form",
        custom_error_message="Input should be a string, an array of strings, or an array of text and image parts",
    ),
]
"""A text, several texts that are judged one by one, or text and images that are judged together."""


class ModerationRequest(Wire):
    """What is to be judged."""

    input: ModerationInput
    model: str | MISSING = MISSING
    """Without it, the one moderation model that is there."""


class Categories(Wire):
    """Whether each category is violated."""

    hate: bool
    hate_threatening: bool = Field(alias="hate/threatening")
    harassment: bool
    harassment_threatening: bool = Field(alias="harassment/threatening")
    illicit: bool | None = None
    illicit_violent: bool | None = Field(default=None, alias="illicit/violent")
    self_harm: bool = Field(alias="self-harm")
    self_harm_intent: bool = Field(alias="self-harm/intent")
    self_harm_instructions: bool = Field(alias="self-harm/instructions")
    sexual: bool
    sexual_minors: bool = Field(alias="sexual/minors")
    violence: bool
    violence_graphic: bool = Field(alias="violence/graphic")


class CategoryScores(Wire):
    """How sure the model is of each category, 0 to 1."""

    hate: float
    hate_threatening: float = Field(alias="hate/threatening")
    harassment: float
    harassment_threatening: float = Field(alias="harassment/threatening")
    illicit: float
    illicit_violent: float = Field(alias="illicit/violent")
    self_harm: float = Field(alias="self-harm")
    self_harm_intent: float = Field(alias="self-harm/intent")
    self_harm_instructions: float = Field(alias="self-harm/instructions")
    sexual: float
    sexual_minors: float = Field(alias="sexual/minors")
    violence: float
    violence_graphic: float = Field(alias="violence/graphic")


_OfText: TypeAlias = list[Annotated[str, OpenEnum("text")]]
_OfBoth: TypeAlias = list[Annotated[str, OpenEnum("text", "image")]]


class AppliedInputTypes(Wire):
    """Which kinds of input each score rests on."""

    hate: _OfText
    hate_threatening: _OfText = Field(alias="hate/threatening")
    harassment: _OfText
    harassment_threatening: _OfText = Field(alias="harassment/threatening")
    illicit: _OfText
    illicit_violent: _OfText = Field(alias="illicit/violent")
    self_harm: _OfBoth = Field(alias="self-harm")
    self_harm_intent: _OfBoth = Field(alias="self-harm/intent")
    self_harm_instructions: _OfBoth = Field(alias="self-harm/instructions")
    sexual: _OfBoth
    sexual_minors: _OfText = Field(alias="sexual/minors")
    violence: _OfBoth
    violence_graphic: _OfBoth = Field(alias="violence/graphic")


class ModerationResult(Wire):
    """The judgement of one input."""

    flagged: bool
    """Whether any category is violated."""
    categories: Categories
    category_scores: CategoryScores
    category_applied_input_types: AppliedInputTypes


class ModerationResponse(Wire):
    """The judgements, in the order of the inputs."""

    id: str
    model: str
    results: list[ModerationResult]

"""What the model thought, and what is left of a history that was compacted."""

from typing import Annotated, Literal

from pydantic import Field

from dinrail_core.api.items.content import ReasoningText, SummaryText
from dinrail_core.api.items.states import AnsweredStatus, GivenId, GivenStatus
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = ["Compaction", "CompactionParam", "CompactionTrigger", "Reasoning", "ReasoningParam"]

SummaryPart = Annotated[SummaryText, Field(discriminator="type")]
ReasoningPart = Annotated[ReasoningText, Field(discriminator="type")]


class ReasoningParam(Wire):
    """What the model thought before, given back as part of the history."""

    type: Literal["reasoning"] = "reasoning"
    id: GivenId = MISSING
    summary: Many[SummaryPart]
    content: Many[ReasoningPart] | None | MISSING = MISSING
    encrypted_content: str | None | MISSING = MISSING
    status: GivenStatus = MISSING


class Reasoning(Wire):
    """What the model thought."""

    type: Literal["reasoning"] = "reasoning"
    id: str
    summary: list[SummaryText]
    content: list[ReasoningText] | MISSING = MISSING
    encrypted_content: str | None | MISSING = MISSING
    """Opaque; who keeps nothing on the server gives it back with the next request."""
    status: AnsweredStatus | MISSING = MISSING


class CompactionParam(Wire):
    """What is left of an earlier history."""

    type: Literal["compaction"] = "compaction"
    id: GivenId = MISSING
    encrypted_content: Annotated[str, Field(max_length=20_971_520)]


class Compaction(Wire):
    """What is left of an earlier history."""

    type: Literal["compaction"] = "compaction"
    id: str
    encrypted_content: str
    created_by: str | MISSING = MISSING


class CompactionTrigger(Wire):
    """Asks that the history before it be compacted; stands last in a request."""

    type: Literal["compaction_trigger"] = "compaction_trigger"

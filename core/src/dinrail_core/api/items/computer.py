"""A computer that the model uses: its clicks and keys, and the pictures of the screen."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Discriminator, Field, Tag

from dinrail_core.api.items.states import AnsweredStatus, CallId, GivenId, GivenStatus, Status, Url, known_or_not
from dinrail_core.api.open_enum import OpenEnum, Unlisted
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "Click",
    "ComputerAction",
    "ComputerCall",
    "ComputerCallOutput",
    "ComputerCallOutputParam",
    "ComputerCallParam",
    "DoubleClick",
    "Drag",
    "KeyPress",
    "Move",
    "Point",
    "SafetyCheck",
    "ScreenImage",
    "Scroll",
    "TakeScreenshot",
    "TypeText",
    "UnknownComputerAction",
    "Wait",
]

Keys: TypeAlias = Many[str] | None | MISSING


class Click(Wire):
    """A click."""

    type: Literal["click"] = "click"
    button: Literal["left", "right", "wheel", "back", "forward"]
    x: int
    y: int
    keys: Keys = MISSING
    """Held meanwhile."""


class DoubleClick(Wire):
    """A double click. Unlike those of the others its keys are always told."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    type: Literal["double_click"] = "double_click"
    x: int
    y: int
    keys: list[str] | None = None


class Point(Wire):
    """A place on the screen, in pixels."""

    x: int
    y: int


class Drag(Wire):
    """The mouse is moved along a path with its button down."""

    type: Literal["drag"] = "drag"
    path: Many[Point]
    keys: Keys = MISSING


class KeyPress(Wire):
    """Keys are pressed."""

    type: Literal["keypress"] = "keypress"
    keys: Many[str]


class Move(Wire):
    """The mouse is moved."""

    type: Literal["move"] = "move"
    x: int
    y: int
    keys: Keys = MISSING


class TakeScreenshot(Wire):
    """A picture of the screen is taken."""

    type: Literal["screenshot"] = "screenshot"


class Scroll(Wire):
    """The wheel is turned."""

    type: Literal["scroll"] = "scroll"
    x: int
    y: int
    scroll_x: int
    scroll_y: int
    keys: Keys = MISSING


class TypeText(Wire):
    """Text is typed."""

    type: Literal["type"] = "type"
    text: str


class Wait(Wire):
    """Nothing is done for a moment."""

    type: Literal["wait"] = "wait"


class UnknownComputerAction(Wire):
    """An action of a kind that the specification does not have; it is handed on as it is."""

    type: str


GivenComputerAction: TypeAlias = Annotated[
    Click | DoubleClick | Drag | KeyPress | Move | TakeScreenshot | Scroll | TypeText | Wait,
    Field(discriminator="type"),
]

_ACTIONS = frozenset(
    {"click", "double_click", "drag", "keypress", "move", "screenshot", "scroll", "type", "wait"},
)


def _kind_of_action(value: Any) -> str:
    return known_or_not(value, _ACTIONS)


ComputerAction: TypeAlias = Annotated[
    Annotated[GivenComputerAction, Tag("known")] | Annotated[UnknownComputerAction, Unlisted(), Tag("unknown")],
    Discriminator(_kind_of_action),
]
"""What the model does with the computer."""


class SafetyCheck(Wire):
    """Something that a person should look at before the action is done."""

    id: str
    code: str | None | MISSING = MISSING
    message: str | None | MISSING = MISSING


class ComputerCallParam(Wire):
    """Actions that the model asked for, given back as part of the history."""

    type: Literal["computer_call"] = "computer_call"
    id: GivenId = MISSING
    call_id: Annotated[str, Field(min_length=1)]
    action: GivenComputerAction | MISSING = MISSING
    actions: Many[GivenComputerAction] | MISSING = MISSING
    pending_safety_checks: Many[SafetyCheck]
    status: Status


class ComputerCall(Wire):
    """Actions that the model asks for."""

    type: Literal["computer_call"] = "computer_call"
    id: str
    call_id: str
    action: ComputerAction | MISSING = MISSING
    actions: list[ComputerAction] | MISSING = MISSING
    """Several at once, in order; takes the place of ``action``."""
    pending_safety_checks: list[SafetyCheck]
    status: AnsweredStatus


class ScreenImage(Wire):
    """A picture of the screen."""

    type: Literal["computer_screenshot"]
    image_url: Url | MISSING = MISSING
    file_id: str | MISSING = MISSING


class ComputerCallOutputParam(Wire):
    """The screen after the actions."""

    type: Literal["computer_call_output"] = "computer_call_output"
    id: GivenId = MISSING
    call_id: CallId
    output: ScreenImage
    acknowledged_safety_checks: Many[SafetyCheck] | None | MISSING = MISSING
    status: GivenStatus = MISSING


class ComputerCallOutput(Wire):
    """The screen after the actions."""

    type: Literal["computer_call_output"] = "computer_call_output"
    id: str
    call_id: str
    output: ScreenImage
    acknowledged_safety_checks: list[SafetyCheck] | MISSING = MISSING
    status: Annotated[str, OpenEnum("in_progress", "completed", "incomplete", "failed")]
    created_by: str | MISSING = MISSING

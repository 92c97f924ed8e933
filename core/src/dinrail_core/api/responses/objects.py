"""One event of a response's stream, for routes and streams: the events themselves are imported when one is built."""

from typing import TYPE_CHECKING, TypeAlias

from pydantic import ConfigDict, RootModel

from dinrail_core.api.items.later import Event

__all__ = ["ResponseEvent"]

if TYPE_CHECKING:
    _OneEvent: TypeAlias = RootModel[Event]
else:
    _OneEvent = RootModel  # a parametrised one would be built, events and all, before anybody needs it


class ResponseEvent(_OneEvent):
    """One event of a response's stream."""

    model_config = ConfigDict(frozen=True, strict=True, defer_build=True)

    root: Event

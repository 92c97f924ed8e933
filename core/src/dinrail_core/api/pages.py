"""How lists are cut into pages, as OpenAI's API does: by cursors that are ids."""

from typing import Annotated, Literal

from pydantic import Field

from dinrail_core.api.wire import MISSING, Wire

__all__ = ["ListQuery"]


class ListQuery(Wire):
    """Which part of a list is wanted. A cursor stays good when its object has been deleted."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    """How many at most."""
    order: Literal["asc", "desc"] = "desc"
    """``desc`` has the newest first."""
    after: str | MISSING = MISSING
    """The id behind which the page begins."""
    before: str | MISSING = MISSING
    """The id ahead of which the page ends."""

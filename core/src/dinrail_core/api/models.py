"""The list of models (``GET /v1/models[/{id}]``): wire types. The host answers it from every provider's own list."""

from typing import Annotated

from pydantic import Field

from dinrail_core.api.open_enum import OpenEnum
from dinrail_core.api.wire import MISSING, Wire

__all__ = ["Model", "ModelList"]


class Model(Wire):
    """A model that can be named in a request."""

    id: str
    """``<instance>/<upstream model>``, or an alias."""
    object: Annotated[str, OpenEnum("model")] = "model"
    created: int = 0
    """Seconds since the epoch; 0 where unknown."""
    owned_by: str = "unknown"
    """The organisation, or the instance that serves it."""
    shutdown_date: Annotated[str, Field(json_schema_extra={"format": "date"})] | None | MISSING = MISSING
    apis: list[str] | MISSING = MISSING
    """The contracts that serve it, such as ``ChatModel``. Dinrail's own."""
    context_length: int | MISSING = MISSING
    """Tokens, where the upstream tells. Dinrail's own."""


class ModelList(Wire):
    """All models that the caller may use."""

    object: Annotated[str, OpenEnum("list")] = "list"
    data: list[Model]

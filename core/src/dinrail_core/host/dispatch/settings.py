"""``[models.NAME]`` and ``[providers.NAME.limits]``."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

__all__ = ["Failure", "LimitSettings", "ModelSettings", "PriceSettings", "TargetSettings"]

_CONFIG = ConfigDict(extra="forbid", frozen=True, defer_build=True)

_Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Failure(Enum):
    """Why a target did not answer, as far as another one might."""

    ERROR = "error"
    TIMEOUT = "timeout"
    RATE_LIMIT = "rate_limit"
    CONTEXT_LENGTH = "context_length"


_THE_CALLERS = frozenset({"documents", "input", "messages", "model", "prompt", "query", "stream", "stream_options"})
"""What a request is about, and how its answer comes: nobody else may say that."""


class TargetSettings(BaseModel):
    """One of the models that a name stands for."""

    model_config = _CONFIG

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: object) -> object:
        return {"model": value} if isinstance(value, str) else value

    model: str
    """A model id."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """Its part of the load, in relation to the others'."""


class PriceSettings(BaseModel):
    """What a million tokens cost, in whatever currency the operator counts."""

    model_config = _CONFIG

    input: Annotated[float, Field(ge=0)] = 0.0
    """Of the request."""
    output: Annotated[float, Field(ge=0)] = 0.0
    """Of the answer."""


class ModelSettings(BaseModel):
    """What is asked where somebody asks for the model ``NAME``."""

    model_config = _CONFIG

    targets: tuple[TargetSettings, ...] = ()
    """Models among which the load is spread, each by its id or as a table with a weight; where none is named, ``NAME``
    itself is the one."""
    balance: Literal["weighted", "least-busy"] = "weighted"
    """``weighted`` spreads by weight; ``least-busy`` asks the one with the fewest calls under way, by weight."""
    fallback: tuple[str, ...] = ()
    """Models that are asked, in this order, where no target has answered."""
    fallback_on: tuple[Failure, ...] = tuple(Failure)
    """For which failures another model is asked."""
    retries: Annotated[int, Field(ge=0, le=5)] = 0
    """How often a model that has failed with an error is asked again before the next one is."""
    timeout: _Seconds | None = None
    """Seconds within which an answer must be there (of a stream: its first piece)."""
    defaults: dict[str, Any] = {}
    """Parameters of requests that do not say otherwise, like ``temperature``."""
    price: PriceSettings | None = None
    """For what ``/metrics`` and the log say about costs."""

    @field_validator("defaults")
    @classmethod
    def _fit_somewhere(cls, defaults: dict[str, Any]) -> dict[str, Any]:
        """What fits no request would make every one of the callers' wrong."""
        if own := _THE_CALLERS & defaults.keys():
            raise ValueError(f"{min(own)} is the caller's to say")
        unfit: dict[str, str] | None = None
        for wire in _requests():
            wrong = _wrong_fields(wire, defaults)
            if unfit is None:
                unfit = wrong
            else:
                unfit = {name: said for name, said in unfit.items() if name in wrong or name not in wire.model_fields}
            if not unfit:
                return defaults
        assert unfit
        name = min(unfit)
        raise ValueError(f"{name}: {unfit[name]}")


def _requests() -> Iterator[type[BaseModel]]:
    """The wire types that have parameters, each imported when it is needed: most servers have no defaults."""
    from dinrail_core.api.chat.request import ChatRequest

    yield ChatRequest
    from dinrail_core.api.completions import CompletionRequest

    yield CompletionRequest
    from dinrail_core.api.responses import CreateResponse

    yield CreateResponse


def _wrong_fields(wire: type[BaseModel], values: dict[str, Any]) -> dict[str, str]:
    """What is wrong with values of fields, by their names; what else a request must have is not looked at."""
    try:
        wire.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return {str(one["loc"][0]): one["msg"] for one in found if one["type"] != "missing" or len(one["loc"]) > 1}
    return {}


class LimitSettings(BaseModel):
    """``[providers.NAME.limits]``: how much is asked of an instance."""

    model_config = _CONFIG

    models: tuple[str, ...] = ()
    """Names of models, ``*`` standing for anything; others of the instance do not exist. All where none is named."""
    concurrency: Annotated[int, Field(ge=1)] | None = None
    """Calls that are under way at once; a stream counts until its end."""
    queue: Annotated[int, Field(ge=0)] = 1000
    """Calls that may wait for a place."""
    wait: _Seconds = 30.0
    """Seconds that a call waits for a place."""
    failures: Annotated[int, Field(ge=1)] | None = None
    """Failures in a row (errors and timeouts, no refusals) after which the instance is left alone for a while."""
    pause: _Seconds = 30.0
    """Seconds for which it is left alone; then one call may see whether it has recovered."""

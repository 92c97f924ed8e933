"""What requests for generated text have in common."""

from math import isfinite
from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = ["LogitBias", "Metadata", "Penalty", "Seed", "Stop", "StreamOptions", "Temperature", "TopP"]


def _check_metadata_size(value: Any) -> Any:
    """Counts before anything else looks at the pairs, since a body has room for a million of them."""
    if isinstance(value, dict) and len(value) > 16:
        raise PydanticCustomError("too_long", "Input should have at most 16 pairs")
    return value


Metadata: TypeAlias = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]],
    Field(max_length=16),
    BeforeValidator(_check_metadata_size),
]
"""Up to 16 pairs of the caller's own; keys of at most 64 characters, values of at most 512."""

Penalty: TypeAlias = Annotated[float, Field(ge=-2, le=2)]
"""Added to the logits of tokens that are there already; positive values discourage them."""

Temperature: TypeAlias = Annotated[float, Field(ge=0, le=2)]
"""Zero always takes the likeliest token."""

TopP: TypeAlias = Annotated[float, Field(ge=0, le=1)]
"""The share of probability mass from which tokens are drawn."""

Seed: TypeAlias = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
"""Makes equal requests more likely to be answered equally."""


def _check_logit_bias(value: Any) -> Any:
    """Stops at the first fault, unlike pydantic's own dictionaries."""
    if not isinstance(value, dict):
        raise PydanticCustomError("dict_type", "Input should be an object")
    for bias in value.values():
        if type(bias) is not int and (type(bias) is not float or not isfinite(bias)):
            raise PydanticCustomError("logit_bias", "Input should have a number for each token")
    return value


LogitBias: TypeAlias = Annotated[
    dict[str, int | float],
    PlainValidator(_check_logit_bias),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "number"}}),
]
"""Token ids (decimal) and what is added to their logits, -100 to 100. Several servers take fractions, so they pass."""

Stop: TypeAlias = str | Annotated[Many[str], Field(min_length=1, max_length=4)]
"""Up to four texts at which generation ends; they are not part of the answer."""


class StreamOptions(Wire):
    """How a stream is sent."""

    include_usage: bool | MISSING = MISSING
    """One more chunk before the end, without choices, carries the usage of the whole request."""
    include_obfuscation: bool | MISSING = MISSING
    """Whether chunks are padded to hide the length of what they carry."""

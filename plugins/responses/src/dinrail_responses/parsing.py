"""What upstreams send, parsed."""

from __future__ import annotations

from pydantic_core import from_json

from dinrail_core.errors import UpstreamInvalid
from dinrail_responses.tools.interface import Json

__all__ = ["parsed"]


def parsed(data: bytes) -> Json:
    """An object out of an upstream's bytes.

    Raises:
        UpstreamInvalid: It is none.
    """
    try:
        found = from_json(data)
    except ValueError as error:
        raise UpstreamInvalid("The upstream's answer is not JSON.") from error
    if not isinstance(found, dict):
        raise UpstreamInvalid("The upstream's answer is no object.")
    return found

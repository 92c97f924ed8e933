"""Telling the caller what an upstream cannot be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.sampling import StreamOptions
from dinrail_core.errors import UnsupportedFeature

__all__ = ["refuse_fields", "wants_usage"]

_WITHOUT_EFFECT: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "logit_bias": ({},),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "verbosity": ("medium",),
    "modalities": (["text"],),
    "functions": ([],),
    "function_call": ("none",),
    "response_format": ({"type": "text"},),
}
"""Values with which a field says nothing, so that it may be sent to anybody."""


def refuse_fields(body: Mapping[str, Any], names: tuple[str, ...], whose: str) -> None:
    """Refuse a request that asks for what an upstream has no words for, since its answer would not be what was asked.

    Args:
        body: The request as JSON.
        names: Its fields that the upstream does not have.
        whose: The upstream, as people call it.

    Raises:
        UnsupportedFeature: One of them is there and says something.
    """
    for name in names:
        value = body.get(name)
        if value is not None and value not in _WITHOUT_EFFECT.get(name, ()):
            raise UnsupportedFeature(f"{whose} does not have '{name}'.", param=name)


def wants_usage(request: ChatRequest) -> bool:
    """Whether a stream is to tell the usage in a last chunk."""
    options = request.stream_options
    return isinstance(options, StreamOptions) and options.include_usage is True

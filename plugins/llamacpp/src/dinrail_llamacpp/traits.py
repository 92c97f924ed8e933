"""What the dialect has to know about the server and the model that it speaks to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from dinrail_llamacpp.plugin import ModelConfig, ToolCalls

__all__ = ["Traits", "local_traits"]


@dataclass(frozen=True, slots=True)
class Traits:
    """How requests are narrowed.

    Attributes:
        tool_calls: See :data:`~dinrail_llamacpp.plugin.ToolCalls`.
        tool_rounds: How often the model may call tools by its own decision before the user speaks again.
        max_tokens: The longest answer where a request names no limit.
        sampling: Sampling parameters for requests that do not set them.
        media: Whether images and sound are handed on, because the server may know what to do with them.
    """

    tool_calls: ToolCalls = "schema"
    tool_rounds: int = 8
    max_tokens: int | None = None
    sampling: Mapping[str, bool | int | float | str] = field(default_factory=lambda: MappingProxyType({}))
    media: bool = True


def local_traits(config: ModelConfig) -> Traits:
    """Those of a model that runs on this machine."""
    return Traits(config.tool_calls, config.tool_rounds, config.max_tokens, config.sampling, media=False)

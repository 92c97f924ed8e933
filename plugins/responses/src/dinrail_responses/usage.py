"""What a response took: the sum over all that the model was asked."""

from __future__ import annotations

from dinrail_responses.tools.interface import Json

__all__ = ["UsageSum"]


class UsageSum:
    """A sum of tokens, in words of chats or of responses; it stays unknown where no upstream tells any.

    Attributes:
        output: Tokens that the model has said.
    """

    def __init__(self) -> None:
        self.output = 0
        self._input = 0
        self._cached = 0
        self._written = 0
        self._thought = 0
        self._known = False

    def add(self, usage: Json | None) -> None:
        """Add what one answer took; details may be missing."""
        if not usage:
            return
        self._known = True
        ins = usage.get("input_tokens_details") or usage.get("prompt_tokens_details") or {}
        outs = usage.get("output_tokens_details") or usage.get("completion_tokens_details") or {}
        self._input += usage.get("input_tokens") or usage.get("prompt_tokens") or 0
        self.output += usage.get("output_tokens") or usage.get("completion_tokens") or 0
        self._cached += ins.get("cached_tokens") or 0
        self._written += ins.get("cache_write_tokens") or 0
        self._thought += outs.get("reasoning_tokens") or 0

    def told(self) -> Json | None:
        """The sum as a response tells it."""
        if not self._known:
            return None
        return {
            "input_tokens": self._input,
            "input_tokens_details": {"cached_tokens": self._cached, "cache_write_tokens": self._written},
            "output_tokens": self.output,
            "output_tokens_details": {"reasoning_tokens": self._thought},
            "total_tokens": self._input + self.output,
        }

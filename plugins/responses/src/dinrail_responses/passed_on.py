"""URLs in a plan that the model's server, or a moderator's, is told and follows: pure."""

from __future__ import annotations

from collections.abc import Iterator

from dinrail_responses.plan import Plan
from dinrail_responses.tools.interface import Json

__all__ = ["passed_on"]


def passed_on(plan: Plan, *, native: bool) -> Iterator[tuple[str, str]]:
    """Each URL with the field of the request that it stands in; what was said before stands in ``input`` at large.

    Args:
        plan: The plan.
        native: Whether the upstream speaks the Responses API: it is told of documents and its own tools as they are,
            whereas documents for a chat are fetched here.
    """
    names = ("image_url", "file_url") if native else ("image_url",)
    history = plan.history
    for item in plan.lead:
        for url, _ in _urls(item, names):
            yield url, "prompt.variables"
    for item in history[: max(0, len(history) - len(plan.input))]:
        for url, _ in _urls(item, names):
            yield url, "input"
    for number, item in enumerate(plan.input):
        for url, place in _urls(item, names):
            yield url, f"input.{number}.{place}"
    for number, tool in enumerate((native and plan.asked.get("tools")) or ()):
        mask = (tool.get("input_image_mask") or {}).get("image_url")
        if mask:
            yield mask, f"tools.{number}.input_image_mask.image_url"


def _urls(item: Json, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for field in ("content", "output"):
        value = item.get(field)
        if isinstance(value, list):
            parts = [(f"{field}.{number}", part) for number, part in enumerate(value)]
        else:
            parts = [(field, value)]  # a screenshot
        for place, part in parts:
            if isinstance(part, dict):
                yield from ((part[name], f"{place}.{name}") for name in names if part.get(name))

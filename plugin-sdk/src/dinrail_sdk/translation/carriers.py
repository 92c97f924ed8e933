"""Fields for what OpenAI's chat has no words for, the same with every provider.

============================= ======================================================================================
field                         holds
============================= ======================================================================================
``reasoning_content``         the model's thoughts as text, in messages and deltas
``reasoning_details``         the same with what their maker wants back: a list of ``reasoning.text`` (``text``,
                              ``signature``), ``reasoning.encrypted`` (``data``) and ``reasoning.summary``; each with
                              its ``format``, with its place as ``index``, and with ``id`` where it belongs to a tool
                              call. In streams each comes once, whole
``native_content``            an assistant's turn in its maker's own blocks (``{"format": …, "blocks": […]}``), where
                              the other fields could not rebuild it: blocks of other kinds, citations, another order
``annotations``               what the answer rests on: ``url_citation``, or the upstream's own kinds as they are
``cache_control``             on a part, a tool or a tool's message: the end of a prefix to be cached, in the upstream's
                              words; OpenAI's own ``prompt_cache_breakpoint`` means the same
``native_finish_reason``      on a choice: the upstream's word, where OpenAI's says less
============================= ======================================================================================

Who gives an assistant's message back as it came loses nothing. What another maker's model wrote is left out where it
could not be read: each of the carriers says whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["encrypted", "in_native_words", "native", "thought", "thoughts_of"]


def thought(text: str, signature: str | None, form: str, index: int) -> dict[str, Any]:
    """A thought that can be read; ``signature`` is what its maker knows it by."""
    signed = {"signature": signature} if signature else {}
    return {"type": "reasoning.text", "text": text, **signed, "format": form, "index": index}


def encrypted(data: str, form: str, index: int, *, call: str | None = None) -> dict[str, Any]:
    """A thought that only its maker can read; ``call`` is the id of the tool call that it led to."""
    belongs = {"id": call} if call is not None else {}
    return {"type": "reasoning.encrypted", "data": data, **belongs, "format": form, "index": index}


def thoughts_of(message: Mapping[str, Any], form: str) -> list[Mapping[str, Any]]:
    """The thoughts of an assistant's message that are of this maker, in order."""
    details = message.get("reasoning_details")
    if not isinstance(details, list):
        return []
    ours = [detail for detail in details if isinstance(detail, Mapping) and detail.get("format") == form]
    return sorted(ours, key=_place)


def native(blocks: Iterable[Any], form: str) -> dict[str, Any]:
    """A turn in its maker's own blocks."""
    return {"format": form, "blocks": list(blocks)}


def in_native_words(message: Mapping[str, Any], form: str) -> list[Any] | None:
    """The blocks of an assistant's message that was written by this maker's model and carries them."""
    found = message.get("native_content")
    if not isinstance(found, Mapping) or found.get("format") != form or not isinstance(found.get("blocks"), list):
        return None
    return list(found["blocks"])


def _place(detail: Mapping[str, Any]) -> int:
    place = detail.get("index")
    return place if isinstance(place, int) else 0

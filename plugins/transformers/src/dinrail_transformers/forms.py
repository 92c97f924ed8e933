"""How models write calls of tools, and how what they wrote is read.

The forms are those of the chat templates on the hub: `Hermes <https://huggingface.co/docs/transformers/chat_extras>`_
and Qwen (``<tool_call>`` around JSON, or around ``<function=…>`` in Qwen's models for code), Mistral (``[TOOL_CALLS]``
before a list, or before a name and ``[ARGS]``), and Llama 3 (a bare object with ``parameters``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dinrail_transformers.plugin import CallForm

__all__ = ["Call", "Marks", "calls_in", "form_of", "marks_of"]

_FUNCTION = re.compile(r"\s*<function=([^>\n]+)>(.*?)(?:</function>\s*|$)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\n]+)>\n?(.*?)\n?</parameter>", re.DOTALL)
_NAMED = re.compile(r"\s*([\w.-]+)\s*(?:\[CALL_ID\]\s*[\w-]+\s*)?\[ARGS\]\s*")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function.

    Attributes:
        name: Of the function.
        arguments: A JSON object, as text.
    """

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Marks:
    """Between what the calls stand.

    Attributes:
        begin: Each of these texts begins them.
        end: Ends them; the end of the answer does too.
        bare: Whether an answer that begins with ``{`` is a call as well.
    """

    begin: tuple[str, ...]
    end: str | None = None
    bare: bool = False


_MARKS: dict[CallForm, Marks] = {
    "hermes": Marks(("<tool_call>",), "</tool_call>"),
    "mistral": Marks(("[TOOL_CALLS]",)),
    "llama": Marks(("<|python_tag|>",), bare=True),
}


def form_of(template: str) -> CallForm:
    """The form in which a chat template writes earlier calls; ``none`` where it knows of none that is known here."""
    if "tools" not in template:
        return "none"
    if "<tool_call>" in template:
        return "hermes"
    if "[TOOL_CALLS]" in template:
        return "mistral"
    if "<|python_tag|>" in template or '"parameters": ' in template:
        return "llama"
    return "none"


def marks_of(form: CallForm) -> Marks | None:
    """Where the calls of a form stand."""
    return _MARKS.get(form)


def calls_in(text: str, form: CallForm) -> list[Call] | None:
    """The calls that a text between the marks is, or ``None`` where it is none: nothing of it is guessed."""
    try:
        match form:
            case "hermes":
                return _tagged(text)
            case "mistral":
                return _of_mistral(text)
            case "llama":
                return [_call(found) for found in _objects(text, ";")]
            case _:
                return None
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def _tagged(text: str) -> list[Call]:
    if not text.lstrip().startswith("<function="):
        return [_call(found) for found in _objects(text, "")]
    calls = []
    at = 0
    while at < len(text):
        found = _FUNCTION.match(text, at)
        if found is None:
            raise ValueError("something stands between the functions")
        values = {name.strip(): _value(value) for name, value in _PARAMETER.findall(found[2])}
        calls.append(Call(found[1].strip(), json.dumps(values, ensure_ascii=False)))
        at = found.end()
    return calls


def _of_mistral(text: str) -> list[Call]:
    decoder = json.JSONDecoder()
    if text.lstrip().startswith("["):
        return [_call(found) for found in _whole(decoder.raw_decode(text.lstrip()), text.lstrip())]
    calls = []
    rest = text
    while rest.strip():
        head = _NAMED.match(rest)
        if head is None:
            raise ValueError("a call has a name and [ARGS]")
        arguments, end = decoder.raw_decode(rest, head.end())
        calls.append(_call({"name": head[1], "arguments": arguments}))
        rest = rest[end:].lstrip().removeprefix("[TOOL_CALLS]")
    return calls


def _objects(text: str, between: str) -> list[Any]:
    decoder = json.JSONDecoder()
    found = []
    rest = text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found.append(value)
        rest = rest[end:].lstrip().removeprefix(between).lstrip()
    return found


def _whole(decoded: tuple[Any, int], text: str) -> Sequence[Any]:
    value, end = decoded
    if not isinstance(value, list) or text[end:].strip():
        raise ValueError("a list of calls, and nothing behind it")
    return value


def _call(found: Any) -> Call:
    """A call as JSON: ``arguments`` (or Llama's ``parameters``) is an object, or an object's text.

    Raises:
        LookupError: It has no name or no arguments.
        TypeError: It is none.
    """
    name = found["name"]
    arguments = found["arguments"] if "arguments" in found else found["parameters"]
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    if not isinstance(name, str) or not name or not isinstance(arguments, dict):
        raise TypeError("a call is a name and an object")
    return Call(name, json.dumps(arguments, ensure_ascii=False))


def _value(text: str) -> Any:
    """A parameter's value: JSON where it is, text otherwise, as the template writes it."""
    try:
        return json.loads(text)
    except ValueError:
        return text

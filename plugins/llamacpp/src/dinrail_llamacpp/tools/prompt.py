"""How tools, calls and results are put to a model whose chat template knows nothing of them.

The wording was chosen by measuring SmolLM2 (135 million parameters): what a model of that size understands, larger ones
understand as well. The plugin's README has the figures.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from dinrail_core.api.chat.content import TextPart
from dinrail_core.api.chat.messages import (
    AssistantMessage,
    DeveloperMessage,
    FunctionMessage,
    Message,
    SystemMessage,
    ToolMessage,
)
from dinrail_core.api.chat.tools import CustomToolCall, FunctionToolCall
from dinrail_core.api.wire import MISSING
from dinrail_llamacpp.tools.offer import Offer, OfferedTool

__all__ = [
    "ANSWER",
    "CALL",
    "DECISION_GRAMMAR",
    "calls_since_user",
    "converse",
    "has_tool_history",
    "normal",
    "with_tools",
]

ANSWER = "Answer:"
CALL = "Tool:"
DECISION_GRAMMAR = f'root ::= "{CALL}" | "{ANSWER}"'
"""GBNF for the beginning of an answer, by which the model says whether it wants a tool."""

_DECIDE = f'If the user needs one of the tools, start with "{CALL}". If not, start with "{ANSWER}".'
_ONE = 'Pick the tool that fits the question and answer with a JSON object {"tool": name, "arguments": {...}}.'
_SEVERAL = 'Pick the tools that fit and answer with a JSON list of calls: [{"tool": name, "arguments": {...}}].'

Turn = dict[str, Any]


def with_tools(offer: Offer, turns: Sequence[Turn], *, decide: bool) -> list[Turn]:
    """The conversation with the tools and what to do with them in its instructions.

    Args:
        offer: The tools.
        turns: What :func:`converse` made.
        decide: Whether it is asked if a tool is needed at all, and not yet for the call.
    """
    tools = "\n".join(_described(tool) for tool in offer.listed)
    task = _DECIDE if decide else _SEVERAL if offer.several else _ONE
    prompt = f"You can call these tools:\n{tools}\n\n{task}"
    if turns and turns[0]["role"] == "system":
        return [{**turns[0], "content": f"{_flat(turns[0]['content'])}\n\n{prompt}"}, *turns[1:]]
    return [{"role": "system", "content": prompt}, *turns]


def converse(messages: Iterable[Message]) -> list[Turn]:
    """The conversation in words alone: results of tools become part of what the user said, calls go without saying.

    A small model that sees its own call as JSON in the history repeats it; one that reads the result beside the
    question answers with it.
    """
    turns: list[Turn] = []
    calls: dict[str, tuple[str, str]] = {}
    results: list[tuple[str, str, str]] = []
    for message in messages:
        match message:
            case ToolMessage():
                name, arguments = calls.get(message.tool_call_id, ("", ""))
                results.append((name, arguments, _flat(message.content)))
                continue
            case FunctionMessage():
                results.append((message.name, "", message.content or ""))
                continue
        _add_results(turns, results)
        match message:
            case AssistantMessage():
                calls |= _calls(message)
                text = _assistant_text(message)
                if text or not _calls(message):
                    turns.append({"role": "assistant", "content": text})
            case SystemMessage() | DeveloperMessage():
                turns.append({"role": "system", "content": _flat(message.content)})
            case _:
                turns.append({"role": "user", "content": _user_content(message)})
    if results:
        several = len(results) > 1
        _add_results(turns, results)
        _say(turns, f"\n\nAnswer with what the tool{'s say' if several else ' says'}.")
    return turns


def has_tool_history(messages: Iterable[Message]) -> bool:
    """Whether a conversation has calls or results in it."""
    return any(
        isinstance(message, (ToolMessage, FunctionMessage))
        or (isinstance(message, AssistantMessage) and bool(_calls(message)))
        for message in messages
    )


def calls_since_user(messages: Sequence[Message]) -> tuple[int, frozenset[tuple[str, str]]]:
    """What was called and answered since the user spoke.

    Returns:
        In how many rounds, and the calls: names and arguments, as :func:`normal` writes them. A model that makes one of
        them again has nothing new to ask.
    """
    found: set[tuple[str, str]] = set()
    answered: set[str] = set()
    rounds = 0
    for message in reversed(messages):
        match message:
            case ToolMessage():
                answered.add(message.tool_call_id)
            case AssistantMessage():
                rounds += bool(_calls(message))
                found |= {
                    (name, normal(arguments)) for key, (name, arguments) in _calls(message).items() if key in answered
                }
            case _:
                break
    return rounds, frozenset(found)


def normal(arguments: str) -> str:
    """Arguments in a form that does not depend on blanks and order; text that is no JSON stays as it is."""
    try:
        return orjson.dumps(orjson.loads(arguments), option=orjson.OPT_SORT_KEYS).decode()
    except orjson.JSONDecodeError:
        return arguments


def _described(tool: OfferedTool) -> str:
    description = f": {tool.description.rstrip('.')}." if tool.description else "."
    if tool.custom:
        return f"- {tool.name}{description} Arguments: text"
    schema = tool.schema
    shown = schema["properties"] if isinstance(schema.get("properties"), Mapping) and "$defs" not in schema else schema
    return f"- {tool.name}{description} Arguments: {_json(shown)}"


def _calls(message: AssistantMessage) -> dict[str, tuple[str, str]]:
    """Calls by id: name, and arguments or input."""
    found = {}
    for call in () if message.tool_calls is MISSING else message.tool_calls or ():
        match call:
            case FunctionToolCall():
                found[call.id] = (call.function.name, call.function.arguments)
            case CustomToolCall():
                found[call.id] = (call.custom.name, call.custom.input)
    return found


def _add_results(turns: list[Turn], results: list[tuple[str, str, str]]) -> None:
    """Put results where the question is, and forget them."""
    times = Counter(name for name, _, _ in results)
    for name, arguments, text in results:
        who = f"The tool {name}" if name else "The tool"
        called = f", called with {arguments}," if times[name] > 1 and arguments else ""
        _say(turns, f"\n\n{who}{called} says: {text}")
    results.clear()


def _say(turns: list[Turn], text: str) -> None:
    """Add to what the user said last."""
    if not turns or turns[-1]["role"] != "user":
        turns.append({"role": "user", "content": text.lstrip()})
    elif isinstance(turns[-1]["content"], str):
        turns[-1] = {"role": "user", "content": turns[-1]["content"] + text}
    else:
        turns[-1] = {"role": "user", "content": [*turns[-1]["content"], {"type": "text", "text": text}]}


def _user_content(message: Any) -> Any:
    """A user's words; parts that are no text stay parts."""
    content = message.content
    if isinstance(content, str):
        return content
    if all(isinstance(part, TextPart) for part in content):
        return "".join(part.text for part in content)
    return [part.model_dump(mode="json") for part in content]


def _assistant_text(message: AssistantMessage) -> str:
    content = message.content
    if content is MISSING or content is None:
        return message.refusal if isinstance(message.refusal, str) else ""
    if isinstance(content, str):
        return content
    return "".join(part.text if isinstance(part, TextPart) else part.refusal for part in content)


def _flat(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.text for part in content)


def _json(value: object) -> str:
    # With blanks, as in most of what models were trained on.
    return json.dumps(value, ensure_ascii=False)

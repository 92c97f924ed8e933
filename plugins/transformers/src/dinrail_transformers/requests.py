"""Requests as a model's chat template and its sampling take them; pure, and without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dinrail_core.api.chat.content import RefusalPart, TextPart
from dinrail_core.api.chat.messages import AssistantMessage, FunctionMessage, Message, ToolMessage
from dinrail_core.api.chat.request import ChatRequest
from dinrail_core.api.chat.tools import AllowedToolsChoice, FunctionTool, FunctionToolCall
from dinrail_core.api.completions import CompletionRequest
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import InvalidRequest, UnsupportedFeature
from dinrail_sdk.translation import arguments_of, refuse_fields

__all__ = ["Chat", "Sampling", "chat_of", "drawn", "refuse_constraints", "sampling_of"]

_CONSTRAINTS = (
    "grammar",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "structured_outputs",
    "response_format",
)
_MISSING_HERE = (
    "functions",
    "function_call",
    "audio",
    "web_search_options",
    "moderation",
    "prediction",
)
_TEMPLATES_OWN = frozenset(
    {"messages", "tools", "documents", "chat_template", "conversation", "add_generation_prompt"}
    | {"continue_final_message", "tokenize", "padding", "truncation", "max_length", "return_tensors", "return_dict"}
    | {"return_assistant_tokens_mask", "tokenizer_kwargs", "sanitize_control_tokens"}
)


@dataclass(frozen=True, slots=True)
class Chat:
    """What is put to a chat template.

    Attributes:
        messages: Turns as templates know them: ``role`` and ``content``, calls with arguments as objects.
        tools: What is offered, in OpenAI's shape.
        more: Further variables of the template (``chat_template_kwargs``, ``enable_thinking``).
        one_call: Whether at most one tool is to be called.
    """

    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    one_call: bool = False


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen; ``None`` leaves it to the model's own defaults.

    Attributes:
        temperature: 0 takes the likeliest token.
        top_p: The share of probability mass that is drawn from.
        top_k: How many tokens are drawn from; 0 for all.
        min_p: The least probability of a token, as a share of the likeliest one's.
        repetition_penalty: What logits of tokens that are there already are divided by.
        presence: Taken once from the logit of each generated token.
        frequency: Taken from it as often as it was generated.
        bias: Added to the logits of these tokens.
        seed: Makes what is drawn repeatable.
        limit: The most tokens.
        stops: Texts at which the answer ends; they are not part of it.
        alternatives: How many are told for each token; ``None`` where no probabilities are wanted.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence: float = 0.0
    frequency: float = 0.0
    bias: Mapping[int, float] = field(default_factory=dict)
    seed: int | None = None
    limit: int | None = None
    stops: tuple[str, ...] = ()
    alternatives: int | None = None

    def seeded(self, index: int) -> Sampling:
        """The same for one choice of several, which would say the same with the same seed."""
        return self if self.seed is None else replace(self, seed=self.seed + index)


def chat_of(request: ChatRequest) -> Chat:
    """The conversation and the tools.

    Raises:
        InvalidRequest: Something in it makes no sense; ``param`` names it.
        UnsupportedFeature: A model in this process cannot do it.
    """
    _refuse(request)
    tools = _tools(request)
    more = dict(_template_variables(request))
    if request.reasoning_effort not in (MISSING, None):
        more.setdefault("reasoning_effort", request.reasoning_effort)
        more.setdefault("enable_thinking", request.reasoning_effort != "none")
    turns = [_turn(message, f"messages.{index}") for index, message in enumerate(request.messages)]
    return Chat(turns, tools, more, one_call=request.parallel_tool_calls is False)


def sampling_of(request: ChatRequest, default_limit: int | None) -> Sampling:
    """How the answer is drawn.

    Raises:
        InvalidRequest: A value is out of range or contradicts another.
    """
    limit = default_limit
    for name in ("max_tokens", "max_completion_tokens"):
        value = getattr(request, name)
        if _given(value):
            if value < 1:
                raise InvalidRequest(f"'{name}' must be at least 1.", param=name)
            limit = value
    if _given(request.top_logprobs) and request.logprobs is not True:
        raise InvalidRequest("'top_logprobs' needs 'logprobs' to be true.", param="top_logprobs")
    alternatives = (_or_none(request.top_logprobs) or 0) if request.logprobs is True else None
    return drawn(request, limit, alternatives)


def drawn(request: ChatRequest | CompletionRequest, limit: int | None, alternatives: int | None) -> Sampling:
    """What chats and completions say alike of how tokens are drawn.

    Raises:
        InvalidRequest: A value is out of range.
    """
    extra = request.model_extra or {}
    stops: Any = _or_none(request.stop) or ()
    return Sampling(
        temperature=_or_none(request.temperature),
        top_p=_or_none(request.top_p),
        top_k=_number(extra, "top_k", 0, 1_000_000, whole=True),
        min_p=_number(extra, "min_p", 0, 1),
        repetition_penalty=_number(extra, "repetition_penalty", 0.01, 100),
        presence=_or_none(request.presence_penalty) or 0.0,
        frequency=_or_none(request.frequency_penalty) or 0.0,
        bias=_bias(request),
        seed=_or_none(request.seed),
        limit=limit,
        stops=tuple(text for text in ([stops] if isinstance(stops, str) else stops) if text),
        alternatives=alternatives,
    )


def refuse_constraints(body: Mapping[str, Any]) -> None:
    """Refuse wishes for a form of the answer.

    Raises:
        UnsupportedFeature: There is one.
    """
    form = body.get("response_format")
    if isinstance(form, Mapping) and form.get("type") not in (None, "text"):
        message = "A model in this process cannot be held to JSON; llama.cpp and vLLM can."
        raise UnsupportedFeature(message, param="response_format")
    refuse_fields(body, _CONSTRAINTS, "A model in this process")


def _refuse(request: ChatRequest) -> None:
    body = request.model_dump(mode="json", exclude={"messages"})
    refuse_fields(body, _MISSING_HERE, "A model in this process")
    if isinstance(request.modalities, list) and "audio" in request.modalities:
        raise UnsupportedFeature("A model in this process does not speak.", param="modalities")
    refuse_constraints(body)


def _template_variables(request: ChatRequest) -> Mapping[str, Any]:
    """``chat_template_kwargs``, by vLLM's name: variables of the template, such as ``enable_thinking``."""
    found = (request.model_extra or {}).get("chat_template_kwargs")
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InvalidRequest("'chat_template_kwargs' must be an object.", param="chat_template_kwargs")
    for name in found.keys() & _TEMPLATES_OWN:
        raise InvalidRequest(f"'{name}' is set by the server.", param=f"chat_template_kwargs.{name}")
    return found


def _tools(request: ChatRequest) -> list[Mapping[str, Any]]:
    if request.tools is MISSING or not request.tools or request.tool_choice == "none":
        return []
    choice = request.tool_choice
    allowed: set[str] | None = None
    if isinstance(choice, AllowedToolsChoice) and choice.allowed_tools.mode == "auto":
        allowed = {str((tool.get("function") or {}).get("name")) for tool in choice.allowed_tools.tools}
    elif choice is not MISSING and choice != "auto":
        message = "A model in this process cannot be made to call a tool; 'auto' and 'none' are possible."
        raise UnsupportedFeature(message, param="tool_choice")
    tools: list[Mapping[str, Any]] = []
    for index, tool in enumerate(request.tools):
        if not isinstance(tool, FunctionTool):
            raise UnsupportedFeature("A model in this process has functions alone.", param=f"tools.{index}.type")
        if tool.function.strict is True:
            message = "A model in this process cannot be held to a schema."
            raise UnsupportedFeature(message, param=f"tools.{index}.function.strict")
        if allowed is None or tool.function.name in allowed:
            said = tool.model_dump(mode="json")
            function = {"parameters": {"type": "object", "properties": {}}, **said["function"]}
            tools.append({"type": "function", "function": function})
    return tools


def _turn(message: Message, param: str) -> dict[str, Any]:
    match message:
        case AssistantMessage():
            return _assistants_turn(message, param)
        case ToolMessage():
            content = _text(message.content, f"{param}.content")
            return {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}
        case FunctionMessage():
            raise UnsupportedFeature("Messages of the role 'function' are not supported; use 'tool'.", param=param)
    role = "system" if message.role == "developer" else message.role
    return {"role": role, "content": _text(message.content, f"{param}.content")}


def _assistants_turn(message: AssistantMessage, param: str) -> dict[str, Any]:
    content = message.refusal if message.content in (MISSING, None) and _given(message.refusal) else message.content
    turn: dict[str, Any] = {"role": "assistant", "content": _text(content, f"{param}.content")}
    thoughts = next((t for t in (message.reasoning_content, message.reasoning) if isinstance(t, str)), None)
    if thoughts is not None:
        turn["reasoning_content"] = thoughts
    if message.tool_calls is not MISSING and message.tool_calls:
        turn["tool_calls"] = [
            _call(call, f"{param}.tool_calls.{index}") for index, call in enumerate(message.tool_calls)
        ]
    return turn


def _call(call: object, param: str) -> dict[str, Any]:
    if not isinstance(call, FunctionToolCall):
        raise UnsupportedFeature("A model in this process has functions alone.", param=f"{param}.type")
    said = call.model_dump(mode="json")
    # Templates write arguments out themselves, and would escape a text a second time.
    function = {"name": call.function.name, "arguments": arguments_of(said, param)}
    return {"id": call.id, "type": "function", "function": function}


def _text(content: Any, param: str) -> str:
    if content is MISSING or content is None:
        return ""
    if isinstance(content, str):
        return content
    texts = []
    for index, part in enumerate(content):
        if isinstance(part, TextPart):
            texts.append(part.text)
        elif isinstance(part, RefusalPart):
            texts.append(part.refusal)
        else:
            raise UnsupportedFeature("A model in this process reads text alone.", param=f"{param}.{index}")
    return "".join(texts)


def _bias(request: ChatRequest | CompletionRequest) -> dict[int, float]:
    found = {}
    given: dict[str, float] = _or_none(request.logit_bias) or {}
    for token, bias in given.items():
        if not token.isascii() or not token.isdigit():
            raise InvalidRequest("A token is a number.", param=f"logit_bias.{token[:40]}")
        found[int(token)] = float(bias)
    return found


def _number(extra: Mapping[str, Any], name: str, least: float, most: float, *, whole: bool = False) -> Any:
    """One of the fields that vLLM and others have beside OpenAI's."""
    value = extra.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        raise InvalidRequest(f"'{name}' must be {kind} from {least} to {most}.", param=name)
    return value


def _given(value: object) -> bool:
    return value is not MISSING and value is not None


def _or_none(value: Any) -> Any:
    return value if _given(value) else None

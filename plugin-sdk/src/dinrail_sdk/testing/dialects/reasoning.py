"""OpenAI's dialect where thoughts are called ``reasoning``, by servers that overlook or refuse what they do not know.

Who overlooks it: vLLM since 0.12 (``vllm/entrypoints/chat_utils.py``), and with it Runpod's worker; SambaNova (the
types of its own library 1.12). Who refuses it with 400: Groq (the types of its library, August 2026, and "OpenAI
Compatibility" in its documentation) and Cerebras (the types of its library 1.67).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from dinrail_core.api.chat.request import ChatRequest
from dinrail_sdk.testing.dialect import Rendered, Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import Asked, Refused, Script, Spoken

__all__ = ["CEREBRAS_WIRE", "GROQ_WIRE", "REASONING_WIRE", "CerebrasWire", "GroqWire", "ReasoningWire"]


class ReasoningWire(OpenAIWire):
    """Servers that overlook thoughts under any other name."""

    name = "OpenAI's dialect with reasoning"
    overlooks: ClassVar[bool] = True
    """Whether ``reasoning_content`` is no other name for it."""

    def read(self, request: Request) -> Asked:
        if not request.path.endswith("/chat/completions"):
            return super().read(request)
        data = request.json
        self.check(data)
        for message in data["messages"] if self.overlooks else ():
            message.pop("reasoning_content", None)
        return super().read(replace(request, body=json.dumps(data).encode()))

    def check(self, data: dict[str, Any]) -> None:
        """Refuse what the server refuses.

        Raises:
            ValueError: It does.
        """

    def say(self, script: Script, asked: Asked) -> Rendered:
        rendered = super().say(script, asked)
        if not isinstance(script, Spoken) or asked.api != "chat":
            return rendered
        if not rendered.streamed:
            return Rendered.whole(json.loads(_renamed(b"".join(rendered.pieces))))
        return replace(rendered, pieces=tuple(_renamed(piece) for piece in rendered.pieces))


def _renamed(piece: bytes) -> bytes:
    return piece.replace(b'"reasoning_content":', b'"reasoning":')


_PARTS = {"text": {"type", "text"}, "image_url": {"type", "image_url"}}


class _StrictWire(ReasoningWire):
    """Servers that refuse what they do not know, in requests and in messages."""

    fields: ClassVar[frozenset[str]]
    messages: ClassVar[Mapping[str, set[str]]]

    def check(self, data: dict[str, Any]) -> None:
        # Fields that no specification of OpenAI's knows are let through: those of the suites are none of the server's.
        if unknown := (data.keys() & ChatRequest.model_fields.keys()) - self.fields:
            raise ValueError(f"property '{min(unknown)}' is unsupported")
        for number, message in enumerate(data["messages"]):
            if message["role"] not in self.messages:
                raise ValueError(f"'messages.{number}.role': value is not one of the allowed values")
            if unknown := message.keys() - self.messages[message["role"]]:
                raise ValueError(f"'messages.{number}': property '{min(unknown)}' is unsupported")
            content = message.get("content")
            for part in content if isinstance(content, list) else ():
                if unknown := part.keys() - _PARTS.get(part["type"], part.keys()):
                    raise ValueError(f"'messages.{number}.content': property '{min(unknown)}' is unsupported")


_EVERYWHERE = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "model",
        "n",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "response_format",
        "seed",
        "service_tier",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "user",
    }
)


class GroqWire(_StrictWire):
    """Groq's API."""

    name = "Groq"
    fields = _EVERYWHERE | {"function_call", "functions", "metadata", "store"}
    messages = {  # noqa: RUF012 - never changed
        "system": {"role", "content"},
        "user": {"role", "content"},
        "assistant": {"role", "content", "reasoning", "tool_calls", "function_call"},
        "tool": {"role", "content", "tool_call_id"},
        "function": {"role", "content", "name"},
    }

    def check(self, data: dict[str, Any]) -> None:
        super().check(data)
        if refused := {"logprobs", "top_logprobs", "logit_bias"} & data.keys():
            raise ValueError(f"property '{min(refused)}' is unsupported")
        if data.get("n") not in (None, 1):
            raise ValueError("'n' : number must be at most 1")


class CerebrasWire(_StrictWire):
    """Cerebras's API."""

    name = "Cerebras"
    fields = _EVERYWHERE | {"prediction"}
    messages = {  # noqa: RUF012 - never changed
        "system": {"role", "content", "name"},
        "user": {"role", "content", "name"},
        "assistant": {"role", "content", "name", "reasoning", "tool_calls"},
        "tool": {"role", "content", "name", "tool_call_id"},
    }

    def error(self, refused: Refused) -> dict[str, object]:
        """Not below ``error``."""
        told: Any = super().error(refused)["error"]
        return dict(told)


REASONING_WIRE = ReasoningWire()
GROQ_WIRE = GroqWire()
CEREBRAS_WIRE = CerebrasWire()

"""DeepSeek's API, where it differs from OpenAI's dialect."""

from __future__ import annotations

from dataclasses import replace

from dinrail_sdk.testing.dialect import Request
from dinrail_sdk.testing.dialects.openai import OpenAIWire
from dinrail_sdk.testing.script import Asked

__all__ = ["DEEPSEEK_WIRE", "DeepSeekWire"]

_ROLES = frozenset({"system", "user", "assistant", "tool"})


class DeepSeekWire(OpenAIWire):
    """DeepSeek's API: completions in its beta, one name for the limit, four roles."""

    name = "DeepSeek"
    prefix = ""

    def read(self, request: Request) -> Asked:
        path = request.path
        if path == "/completions":
            raise LookupError(path)
        if path == "/chat/completions":
            data = request.json
            if unknown := {message["role"] for message in data["messages"]} - _ROLES:
                raise ValueError(f"unknown variant {unknown}")
            # Not refused but overlooked, so whoever sends it does not see it arrive.
            data.pop("max_completion_tokens", None)
        return super().read(replace(request, path=path.removeprefix("/beta")))


DEEPSEEK_WIRE = DeepSeekWire()

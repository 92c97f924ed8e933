from __future__ import annotations

from typing import ClassVar

from dinrail_llamacpp.plugin import LLAMACPP, LlamaCppConfig
from dinrail_sdk.testing import (
    ChatModelSuite,
    CheckedSuite,
    CompletionModelSuite,
    EmbedderSuite,
    FakeUpstream,
    ModelLibrarySuite,
    ModelSourceSuite,
)


class TestElsewhere(ChatModelSuite, CompletionModelSuite, EmbedderSuite, ModelSourceSuite, CheckedSuite):
    """A server elsewhere whose models call tools by themselves: a relay, and where it is none, the reasons."""

    provider = LLAMACPP
    unsupported: ClassVar = {
        "n": "asked for one by one: llama.cpp makes no more at once than it has places, and counts the first alone",
        "many_prompts": "asked for one by one: llama.cpp's stream of several begins with an event that is none",
        "token_prompts": "several prompts are asked for one by one; test_completions shows that tokens stay tokens",
        "file_input": "llama.cpp takes no documents",
        "suffix": "refused: llama.cpp ignores it",
        "echo": "done here: llama.cpp ignores it",
        "max_tokens": "refused: llama.cpp makes a token where none is asked for",
    }

    def config(self, upstream: FakeUpstream) -> LlamaCppConfig:
        return LlamaCppConfig.model_validate({"url": upstream.url, "api_key": "sk-of-the-kit", "tool_calls": "native"})


class TestLibrary(ModelLibrarySuite):
    """Files over HTTP, into the instance's folder."""

    provider = LLAMACPP

    def config(self, upstream: FakeUpstream) -> LlamaCppConfig:
        return LlamaCppConfig()

    def pull_name(self, url: str, sha256: str) -> str:
        return f"{url}#sha256={sha256}"

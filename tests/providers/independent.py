"""Which providers are tried against the independent fake, how they are configured, and what it does not speak well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["EMBED", "GAPS", "NATIVE", "PROVIDERS", "features_tried"]

PROVIDERS: dict[str, dict[str, Any]] = {
    "openai": {"type": "openai", "base_url": "{url}/v1"},
    "groq": {"type": "groq", "base_url": "{url}/openai/v1"},
    "openrouter": {"type": "openrouter", "base_url": "{url}/api/v1"},
    "mistral": {"type": "mistral", "base_url": "{url}/v1"},
    "anthropic": {"type": "anthropic", "base_url": "{url}"},
    "cohere": {"type": "cohere", "base_url": "{url}"},
    "gemini": {"type": "gemini", "base_url": "{url}/v1beta"},
    "vertex": {"type": "gemini", "base_url": "{url}/v1", "project": "kit"},
    "bedrock": {"type": "bedrock", "base_url": "{url}", "region": "us-east-1", "models": ["m"]},
    "ollama": {"type": "ollama", "base_url": "{url}"},
    "azure": {"type": "azure-openai", "base_url": "{url}", "deployments": ["m"]},
    "older-azure": {"type": "azure-openai", "base_url": "{url}", "deployments": ["m"], "api_version": "2024-10-21"},
    "openai-compatible": {"type": "openai-compatible", "base_url": "{url}/v1", "responses": "whole"},
    "vllm": {"type": "vllm", "base_url": "{url}/v1", "responses": "plain"},
    "databricks": {"type": "databricks", "base_url": "{url}"},
    **{
        name: {"type": name, "base_url": "{url}/v1"}
        for name in (
            "cerebras",
            "deepseek",
            "fireworks",
            "huggingface",
            "lmstudio",
            "nvidia",
            "runpod",
            "sambanova",
            "together",
        )
    },
}
GAPS = {
    ("cohere", "thoughts"): "the fake sends them as text there",
    ("gemini", "finish"): "the fake ends calls with FUNCTION_CALL, which Google does not have",
    ("vertex", "finish"): "the fake ends calls with FUNCTION_CALL, which Google does not have",
    ("ollama", "usage"): "the fake counts nothing in Ollama's dialect",
    ("ollama", "ids"): "the fake gives calls no ids there, as older versions of Ollama did",
    ("ollama", "thoughts"): "the fake calls them 'reasoning_content' there, and Ollama 'thinking'",
}
"""What the fake does not speak as the real one does; its embeddings in Ollama's are of an older form,
and it has Gemini's one by one where we ask in batches."""

EMBED = ["openai", "cohere", "openrouter", "mistral", "azure", "older-azure"]
EMBED += [
    "openai-compatible",
    "fireworks",
    "lmstudio",
    "nvidia",
    "runpod",
    "sambanova",
    "together",
    "vllm",
    "databricks",
]
NATIVE = ["openai", "openai-compatible", "vllm"]


def features_tried() -> Iterator[tuple[str, str]]:
    """What the tests try: types of providers with features, in the words of the table of providers."""
    for name, config in PROVIDERS.items():
        for feature in ("stream", "tools", "parallel tools"):
            yield config["type"], feature
        if (name, "thoughts") not in GAPS:
            yield config["type"], "reasoning"
        if name in EMBED:
            yield config["type"], "embeddings"
        if name in NATIVE:
            yield config["type"], "native responses"

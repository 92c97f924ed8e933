"""Samples that use every field and every kind, as JSON parsers return them."""

from __future__ import annotations

from typing import Any

import pytest

from dinrail_core.api.chat import ChatChunk, ChatCompletion, ChatRequest
from dinrail_core.api.completions import CompletionRequest, TextCompletion
from dinrail_core.api.embeddings import EmbeddingRequest, EmbeddingResponse
from dinrail_core.api.error_body import ErrorBody
from dinrail_core.api.models import ModelList
from dinrail_core.api.moderations import ModerationRequest, ModerationResponse
from dinrail_core.api.providers import ProviderList
from dinrail_core.api.rerank import RerankRequest, RerankResponse
from dinrail_core.api.wire import Wire

BREAKPOINT = {"mode": "explicit"}

USER_PARTS: list[dict[str, Any]] = [
    {"type": "text", "text": "Compare.", "prompt_cache_breakpoint": BREAKPOINT},
    {
        "type": "image_url",
        "image_url": {"url": "https://example.org/a.png", "detail": "low"},
        "prompt_cache_breakpoint": BREAKPOINT,
    },
    {
        "type": "input_audio",
        "input_audio": {"data": "UklGRg==", "format": "wav"},
        "prompt_cache_breakpoint": BREAKPOINT,
    },
    {
        "type": "file",
        "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA==", "file_id": "file-1"},
        "prompt_cache_breakpoint": BREAKPOINT,
    },
]

TOOL_CALLS: list[dict[str, Any]] = [
    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}},
    {"id": "call_2", "type": "custom", "custom": {"name": "sql", "input": "select 1"}},
]

MESSAGES: list[dict[str, Any]] = [
    {"role": "developer", "content": "Be brief.", "name": "ops"},
    {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
    {"role": "system", "content": "Be brief.", "name": "ops"},
    {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
    {"role": "user", "content": "Hello.", "name": "ann"},
    {"role": "user", "content": USER_PARTS},
    {
        "role": "assistant",
        "content": [{"type": "text", "text": "No."}, {"type": "refusal", "refusal": "I may not."}],
        "refusal": "I may not.",
        "name": "bot",
        "audio": {"id": "audio_1"},
        "tool_calls": TOOL_CALLS,
        "function_call": {"name": "weather", "arguments": "{}"},
        "reasoning_content": "Hm.",
        "reasoning": "Hm.",
    },
    {"role": "assistant", "content": None, "refusal": None, "audio": None, "function_call": None, "tool_calls": []},
    {"role": "assistant"},
    {"role": "tool", "content": "12 °C", "tool_call_id": "call_1"},
    {"role": "tool", "content": [{"type": "text", "text": "12 °C"}], "tool_call_id": "call_2"},
    {"role": "function", "content": "12 °C", "name": "weather"},
    {"role": "function", "content": None, "name": "weather"},
]

TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": "weather"}},
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tells the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            "strict": True,
        },
    },
    {"type": "custom", "custom": {"name": "sql", "description": "Runs SQL.", "format": {"type": "text"}}},
    {
        "type": "custom",
        "custom": {
            "name": "sql",
            "format": {"type": "grammar", "grammar": {"definition": "start: /a/", "syntax": "lark"}},
        },
    },
]

CHAT_REQUEST: dict[str, Any] = {
    "model": "gpu0/Qwen/Qwen3-32B",
    "messages": MESSAGES,
    "stream": True,
    "stream_options": {"include_usage": True, "include_obfuscation": False},
    "max_completion_tokens": 100,
    "max_tokens": 100,
    "n": 2,
    "stop": ["\n", "END"],
    "seed": -(2**63),
    "temperature": 0.5,
    "top_p": 0.5,
    "frequency_penalty": -2.0,
    "presence_penalty": 2.0,
    "logit_bias": {"50256": -100, "7": 0.5},
    "logprobs": True,
    "top_logprobs": 20,
    "tools": TOOLS,
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "weather"}}]},
    },
    "parallel_tool_calls": False,
    "functions": [{"name": "weather", "description": "Tells the weather.", "parameters": {"type": "object"}}],
    "function_call": {"name": "weather"},
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "answer",
            "description": "An answer.",
            "schema": {"type": "object", "properties": {"ok": {"type": "boolean"}}},
            "strict": True,
        },
    },
    "modalities": ["text", "audio"],
    "audio": {"voice": {"id": "voice_1"}, "format": "mp3"},
    "prediction": {"type": "content", "content": [{"type": "text", "text": "def f(): ..."}]},
    "reasoning_effort": "xhigh",
    "verbosity": "low",
    "web_search_options": {
        "user_location": {
            "type": "approximate",
            "approximate": {"country": "NO", "region": "Oslo", "city": "Oslo", "timezone": "Europe/Oslo"},
        },
        "search_context_size": "high",
    },
    "moderation": {"model": "m", "policy": {"input": {"mode": "score"}, "output": {"mode": "block"}}},
    "metadata": {"team": "rail"},
    "store": False,
    "service_tier": "flex",
    "prompt_cache_key": "k",
    "prompt_cache_options": {"ttl": "30m", "mode": "explicit"},
    "prompt_cache_retention": "24h",
    "safety_identifier": "u-1",
    "user": "u-1",
}

LOGPROBS: dict[str, Any] = {
    "content": [
        {
            "token": "Hi",
            "logprob": -0.25,
            "bytes": [72, 105],
            "top_logprobs": [{"token": "Hi", "logprob": -0.25, "bytes": None}],
        }
    ],
    "refusal": None,
}

USAGE: dict[str, Any] = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "completion_tokens_details": {
        "accepted_prediction_tokens": 0,
        "audio_tokens": 0,
        "reasoning_tokens": 3,
        "text_tokens": 2,
        "rejected_prediction_tokens": 0,
    },
    "prompt_tokens_details": {
        "audio_tokens": 0,
        "cached_tokens": 4,
        "text_tokens": 10,
        "image_tokens": 0,
        "cache_write_tokens": 1,
    },
}

MODERATION: dict[str, Any] = {
    "input": {
        "type": "moderation_results",
        "model": "m",
        "results": [
            {
                "type": "moderation_result",
                "model": "m",
                "flagged": False,
                "categories": {"hate": False},
                "category_scores": {"hate": 0.5},
                "category_applied_input_types": {"hate": ["text"]},
            }
        ],
    },
    "output": {"type": "error", "code": "timeout", "message": "It took too long."},
}

CHAT_COMPLETION: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_800_000_000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi",
                "refusal": None,
                "tool_calls": TOOL_CALLS,
                "function_call": {"name": "weather", "arguments": "{}"},
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {"start_index": 0, "end_index": 2, "url": "https://example.org", "title": "E"},
                    }
                ],
                "audio": {"id": "audio_1", "expires_at": 1_800_000_000, "data": "AA==", "transcript": "Hi"},
                "reasoning_content": "Hm.",
                "reasoning": "Hm.",
            },
            "finish_reason": "stop",
            "logprobs": LOGPROBS,
        }
    ],
    "usage": USAGE,
    "service_tier": "default",
    "system_fingerprint": "fp_1",
    "metadata": {"team": "rail"},
    "moderation": MODERATION,
}

CHAT_CHUNK: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1_800_000_000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "delta": {
                "role": "assistant",
                "content": "Hi",
                "refusal": None,
                "tool_calls": [
                    {
                        "index": 1,
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": "{"},
                    }
                ],
                "function_call": {"name": "weather", "arguments": "{"},
                "audio": {"id": "audio_1", "data": "AA==", "transcript": "Hi", "expires_at": 1_800_000_000},
                "reasoning_content": "Hm.",
                "reasoning": None,
            },
            "finish_reason": None,
            "logprobs": LOGPROBS,
        }
    ],
    "usage": USAGE,
    "service_tier": None,
    "system_fingerprint": "fp_1",
    "obfuscation": "xyz",
    "moderation": MODERATION,
}


COMPLETION_REQUEST: dict[str, Any] = {
    "model": "m",
    "prompt": "Once",
    "stream": False,
    "stream_options": {"include_usage": True},
    "max_tokens": 0,
    "n": 2,
    "best_of": 3,
    "echo": True,
    "suffix": "end",
    "stop": "END",
    "seed": 7,
    "temperature": 0.5,
    "top_p": 0.5,
    "frequency_penalty": 0.5,
    "presence_penalty": 0.5,
    "logit_bias": {"50256": -100},
    "logprobs": 5,
    "user": "u-1",
}

TEXT_COMPLETION: dict[str, Any] = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1_800_000_000,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "text": " upon a time",
            "finish_reason": "length",
            "logprobs": {
                "tokens": ["Once", " upon"],
                "token_logprobs": [None, -0.5],
                "top_logprobs": [None, {" upon": -0.5}],
                "text_offset": [0, 4],
            },
        }
    ],
    "usage": USAGE,
    "system_fingerprint": "fp_1",
}

EMBEDDING_RESPONSE: dict[str, Any] = {
    "object": "list",
    "data": [
        {"object": "embedding", "index": 0, "embedding": [0.5, -0.25]},
        {"object": "embedding", "index": 1, "embedding": "AAAAPwAAgL4="},
    ],
    "model": "m",
    "usage": {"prompt_tokens": 2, "total_tokens": 2},
}

CATEGORIES = (
    "hate",
    "hate/threatening",
    "harassment",
    "harassment/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)

MODERATION_RESPONSE: dict[str, Any] = {
    "id": "modr-1",
    "model": "m",
    "results": [
        {
            "flagged": True,
            "categories": dict.fromkeys(CATEGORIES, False),
            "category_scores": dict.fromkeys(CATEGORIES, 0.5),
            "category_applied_input_types": {category: ["text"] for category in CATEGORIES},
        }
    ],
}

RERANK_REQUEST: dict[str, Any] = {
    "model": "m",
    "query": "q",
    "documents": ["a", {"text": "b"}],
    "top_n": 1,
    "return_documents": True,
    "max_tokens_per_doc": 100,
}

# Each as its own server sends it.
RERANK_COHERE: dict[str, Any] = {
    "id": "07734bd2",
    "results": [{"index": 1, "relevance_score": 0.9}],
    "meta": {
        "api_version": {"version": "2"},
        "billed_units": {"search_units": 1},
        "tokens": {"input_tokens": 7, "output_tokens": 0},
        "warnings": ["deprecated"],
    },
}
RERANK_JINA: dict[str, Any] = {
    "model": "m",
    "object": "list",
    "usage": {"total_tokens": 7},
    "results": [{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}],
}
RERANK_VLLM: dict[str, Any] = {
    "id": "rerank-1",
    "model": "m",
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
    "results": [{"index": 1, "document": {"text": "b", "multi_modal": None}, "relevance_score": 0.9}],
}
RERANK_INFINITY: dict[str, Any] = {
    "object": "rerank",
    "results": [
        {"index": 1, "relevance_score": 0.9, "document": "b"},
        {"index": 0, "relevance_score": -0.9, "document": None},
    ],
    "model": "m",
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
    "id": "infinity-1",
    "created": 1_800_000_000,
}

MODEL: dict[str, Any] = {
    "id": "gpu0/m",
    "object": "model",
    "created": 0,
    "owned_by": "gpu0",
    "shutdown_date": None,
    "apis": ["ChatModel"],
    "context_length": 4096,
}

PROVIDERS: dict[str, Any] = {
    "object": "list",
    "data": [
        {
            "id": "gpu0",
            "object": "provider",
            "type": "acme",
            "distribution": "dinrail-acme",
            "version": "0.1.0",
            "apis": ["ChatModel"],
            "status": "ready",
            "reason": None,
            "models": 3,
        }
    ],
    "plugins": [
        {
            "id": "acme",
            "object": "plugin",
            "distribution": "dinrail-acme",
            "version": "0.1.0",
            "state": "failed",
            "reason": "It raises on import.",
            "extends": ["routes"],
        }
    ],
}

ERROR: dict[str, Any] = {
    "error": {"message": "No.", "type": "invalid_request_error", "param": None, "code": "not_found"}
}

REQUESTS: dict[str, tuple[type[Wire], dict[str, Any]]] = {
    "chat": (ChatRequest, CHAT_REQUEST),
    "completion": (CompletionRequest, COMPLETION_REQUEST),
    "completion of nothing": (CompletionRequest, {"model": "m", "prompt": None}),
    "completion of texts": (CompletionRequest, {"model": "m", "prompt": ["a", ""]}),
    "completion of tokens": (CompletionRequest, {"model": "m", "prompt": [1, 2]}),
    "completion of token lists": (CompletionRequest, {"model": "m", "prompt": [[1], [2, 3]]}),
    "embedding of a text": (
        EmbeddingRequest,
        {"model": "m", "input": "a", "encoding_format": "base64", "dimensions": 1, "user": "u-1"},
    ),
    "embedding of texts": (EmbeddingRequest, {"model": "m", "input": ["a", "b"], "encoding_format": "float"}),
    "embedding of tokens": (EmbeddingRequest, {"model": "m", "input": [1, 2]}),
    "embedding of token lists": (EmbeddingRequest, {"model": "m", "input": [[1], [2, 3]]}),
    "moderation of a text": (ModerationRequest, {"input": "a", "model": "m"}),
    "moderation of texts": (ModerationRequest, {"input": ["a", ""]}),
    "moderation of parts": (
        ModerationRequest,
        {
            "input": [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
            ]
        },
    ),
    "rerank": (RerankRequest, RERANK_REQUEST),
}

ANSWERS: dict[str, tuple[type[Wire], dict[str, Any]]] = {
    "chat": (ChatCompletion, CHAT_COMPLETION),
    "chat chunk": (ChatChunk, CHAT_CHUNK),
    "completion": (TextCompletion, TEXT_COMPLETION),
    "embedding": (EmbeddingResponse, EMBEDDING_RESPONSE),
    "moderation": (ModerationResponse, MODERATION_RESPONSE),
    "rerank of Cohere": (RerankResponse, RERANK_COHERE),
    "rerank of Jina": (RerankResponse, RERANK_JINA),
    "rerank of vLLM": (RerankResponse, RERANK_VLLM),
    "rerank of Infinity": (RerankResponse, RERANK_INFINITY),
    "models": (ModelList, {"object": "list", "data": [MODEL]}),
    "providers": (ProviderList, PROVIDERS),
    "error": (ErrorBody, ERROR),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a ``request_sample``, an ``answer_sample`` or a ``sample`` once for each."""
    both = {f"{name} request": sample for name, sample in REQUESTS.items()} | {
        f"{name} answer": sample for name, sample in ANSWERS.items()
    }
    for argument, samples in (("request_sample", REQUESTS), ("answer_sample", ANSWERS), ("sample", both)):
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, samples.values(), ids=samples.keys())


@pytest.fixture
def chat_request() -> dict[str, Any]:
    return CHAT_REQUEST


@pytest.fixture
def chat_completion() -> dict[str, Any]:
    return CHAT_COMPLETION


@pytest.fixture
def chat_chunk() -> dict[str, Any]:
    return CHAT_CHUNK


@pytest.fixture
def moderation_response() -> dict[str, Any]:
    return MODERATION_RESPONSE


@pytest.fixture
def model() -> dict[str, Any]:
    return MODEL

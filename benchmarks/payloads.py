"""What goes over the wire, made once: requests and answers of about one kilobyte, chunks, vectors."""

from __future__ import annotations

import base64
import json
import random
import struct
from typing import Any, Literal

__all__ = [
    "CHAT_MODEL",
    "DIMENSIONS",
    "EMBED_MODEL",
    "FLAT_MODEL",
    "HELD_MODEL",
    "INPUTS",
    "MODELS",
    "PACED_MODEL",
    "VectorFormat",
    "chat_answer",
    "chat_request",
    "embedding_answer",
    "embedding_request",
    "event_first",
    "event_last",
    "event_middle",
    "item_answer",
    "items_request",
    "models_answer",
    "paced_request",
    "prompt_answer",
    "prompt_request",
    "response_request",
    "response_text",
]

CHAT_MODEL = "chat"
EMBED_MODEL = "embed"
PACED_MODEL = "paced"
"""Streams as many chunks as ``max_tokens`` asks for, at the upstream's rate."""
FLAT_MODEL = "flat"
"""Streams as many chunks as the limit of tokens asks for, all at once."""
HELD_MODEL = "held"
"""Streams one chunk and is then silent until the client leaves."""
MODELS = (CHAT_MODEL, EMBED_MODEL, PACED_MODEL, FLAT_MODEL, HELD_MODEL)

INPUTS = 32
DIMENSIONS = 1024

VectorFormat = Literal["float", "base64"]

_CREATED = 1_790_000_000
_ROLE = (
    "You are an electrician with thirty years of practice in switch cabinets. Be exact and brief, say what you do not "
    "know, name the standard where one decides the matter, and never advise to work on live parts."
)
_QUESTION = (
    "Our cabinet has three rows of thirty-five millimetre rail, two power supplies of twenty-four volts, a controller "
    "with sixteen inputs. The supplies run warm in summer and the breaker of the second row trips about once a week, "
    "always in the afternoon. The installer says that the modules stand too close to each other, the maker says the "
    "load is within the limits of the data sheet. What would you measure first, in which order, and which of the "
    "results would decide between the two explanations? Name the instrument for each step, and say what must be "
    "switched off before it is connected. Answer in at most eight short sentences, in plain words."
)
_ANSWER = (
    "Measure the temperature first: a probe at the upper edge of each supply, read every ten minutes through a whole "
    "warm day. Then clamp the current of the second row at the same times. If the current stays below four fifths of "
    "the breaker's rating while the breaker's own body is above fifty degrees, spacing is the cause, because a thermal "
    "release trips earlier when it is warm. If the current rises above the rating, the load is. Leave one module's "
    "width free on both sides of each supply before you buy anything."
)


def chat_request(model: str, *, stream: bool = False, store: bool = False, max_tokens: int = 256) -> bytes:
    """A chat of about one kilobyte."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [
            {"role": "system", "content": _ROLE},
            {"role": "user", "content": _QUESTION},
        ],
        "temperature": 0.2,
        "max_tokens": max_tokens,
    }
    return _json(body | {name: True for name, wanted in (("stream", stream), ("store", store)) if wanted})


def paced_request(model: str, chunks: int) -> bytes:
    """A chat whose answer is to come as so many chunks."""
    return chat_request(model, stream=True, max_tokens=chunks)


def chat_answer() -> bytes:
    """An answer of about one kilobyte."""
    return _json(
        {
            "id": "chatcmpl-9f2c41d7b3a84e6fb0c5a1d2",
            "object": "chat.completion",
            "created": _CREATED,
            "model": CHAT_MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": _ANSWER, "refusal": None, "annotations": []},
                    "logprobs": None,
                    "finish_reason": "stop",
                }
            ],
            "usage": {
                "prompt_tokens": 178,
                "completion_tokens": 91,
                "total_tokens": 269,
                "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
            },
            "service_tier": "default",
            "system_fingerprint": "fp_3a1b9c77e2",
        }
    )


def response_request(model: str, *, store: bool = False, stream: bool = False, max_tokens: int = 256) -> bytes:
    """The same for the Responses API."""
    body: dict[str, Any] = {
        "model": model,
        "instructions": _ROLE,
        "input": _QUESTION,
        "temperature": 0.2,
        "max_output_tokens": max_tokens,
        "store": store,
    }
    return _json(body | {"stream": True} if stream else body)


def response_text(chunks: int | None = None) -> str:
    """What the model says, whole or as so many chunks of a stream, the first and the last of which say nothing."""
    if chunks is None:
        return _ANSWER
    words = _ANSWER.split()
    return "".join(f"{words[index % len(words)]} " for index in range(1, chunks - 1))


def event_first() -> bytes:
    """The frame with the role."""
    return _event({"role": "assistant", "content": "", "refusal": None}, None)


def event_middle(index: int) -> bytes:
    """A frame with one word."""
    words = _ANSWER.split()
    return _event({"content": f"{words[index % len(words)]} "}, None)


def event_last() -> bytes:
    """The frame with the finish reason."""
    return _event({}, "stop")


def _event(delta: dict[str, Any], finish: str | None) -> bytes:
    chunk = {
        "id": "chatcmpl-9f2c41d7b3a84e6fb0c5a1d2",
        "object": "chat.completion.chunk",
        "created": _CREATED,
        "model": PACED_MODEL,
        "system_fingerprint": "fp_3a1b9c77e2",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}],
    }
    return b"data: %b\n\n" % _json(chunk)


def embedding_request(model: str, form: VectorFormat) -> bytes:
    """A batch of texts."""
    texts = [f"Passage {index}: {_ANSWER[index * 4 : index * 4 + 160]}" for index in range(INPUTS)]
    return _json({"model": model, "input": texts, "encoding_format": form})


def embedding_answer(form: VectorFormat, inputs: int = INPUTS) -> bytes:
    """A vector of unit length for each input, written out or as base64 of little-endian float32."""
    source = random.Random(7)
    data = []
    for index in range(inputs):
        raw = [source.gauss(0, 1) for _ in range(DIMENSIONS)]
        norm = sum(x * x for x in raw) ** 0.5
        packed = struct.pack(f"<{DIMENSIONS}f", *(x / norm for x in raw))
        vector: list[float] | str = (
            base64.b64encode(packed).decode() if form == "base64" else list(struct.unpack(f"<{DIMENSIONS}f", packed))
        )
        data.append({"object": "embedding", "index": index, "embedding": vector})
    usage = {"prompt_tokens": 1184, "total_tokens": 1184}
    return _json({"object": "list", "data": data, "model": EMBED_MODEL, "usage": usage})


def models_answer() -> bytes:
    """The list of models."""
    models = [{"id": name, "object": "model", "created": _CREATED, "owned_by": "benchmark"} for name in MODELS]
    return _json({"object": "list", "data": models})


def _json(value: Any) -> bytes:
    """Compact, as most servers and clients write it."""
    return json.dumps(value, separators=(",", ":")).encode()


def prompt_request() -> bytes:
    """A prompt of about one kilobyte that is to be kept."""
    return json.dumps({"prompt": f"{_ROLE} {{{{name}}}} asks: {_QUESTION}", "variables": ["name"]}).encode()


def prompt_answer() -> dict[str, Any]:
    """What it is answered with, apart from the id."""
    return {**json.loads(prompt_request()), "version": 1, "prompt_id": "", "is_default": True}


def items_request() -> bytes:
    """An item of about one kilobyte that is to be kept, on its way into a conversation."""
    return _json({"items": [{"type": "message", "role": "user", "content": f"{_ROLE} {_QUESTION}"}]})


def item_answer() -> dict[str, Any]:
    """As what it is kept, apart from the id."""
    content = [{"type": "input_text", "text": f"{_ROLE} {_QUESTION}"}]
    return {"id": "", "type": "message", "role": "user", "status": "completed", "content": content}

"""Providers that get embeddings wrong."""

from __future__ import annotations

import base64
import struct
from typing import Any

from honest_provider import Honest
from wrong_chat_requests import DropsField
from wrong_provider import caught_by

Event = dict[str, Any]


class Edits(Honest):
    """Changes the list of vectors."""

    def edit_answer(self, data: Event, payload: Event) -> Event:
        return data | {"data": self.vectors(data["data"], payload)}

    def vectors(self, vectors: list[Event], payload: Event) -> list[Event]:
        return vectors


@caught_by("embedding_order")
class ReversesVectors(Edits):
    def vectors(self, vectors: list[Event], payload: Event) -> list[Event]:
        return [one | {"index": place} for place, one in enumerate(reversed(vectors))]


@caught_by("embedding_order")
class SortsByLength(Honest):
    def edit_request(self, payload: Event) -> Event:
        if isinstance(payload["input"], list):
            payload["input"] = sorted(payload["input"], key=len)
        return payload


@caught_by("embedding_order")
class DropsDuplicates(Honest):
    def edit_request(self, payload: Event) -> Event:
        if isinstance(payload["input"], list):
            payload["input"] = list(dict.fromkeys(payload["input"]))
        return payload


@caught_by("embedding_order", "embedding_shuffled_answer")
class DropsIndexes(Edits):
    def vectors(self, vectors: list[Event], payload: Event) -> list[Event]:
        return [one | {"index": 0} for one in vectors]


@caught_by("embedding_shuffled_answer")
class NumbersByPlace(Edits):
    def vectors(self, vectors: list[Event], payload: Event) -> list[Event]:
        return [one | {"index": place} for place, one in enumerate(vectors)]


@caught_by("embedding_batch_equals_single")
class TakesAStringForCharacters(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"input": list(payload["input"])}


@caught_by("embedding_batch_equals_single")
class ForgetsToMaskPadding(Edits):
    def vectors(self, vectors: list[Event], payload: Event) -> list[Event]:
        if isinstance(payload["input"], list) and len(payload["input"]) > 1:
            for one in vectors:
                if isinstance(one["embedding"], list):
                    one["embedding"] = [value * 0.9 for value in one["embedding"]]
        return vectors


class Recodes(Edits):
    """Writes base64 in a way of its own."""

    def vectors(self, vectors: list[Event], payload: Event) -> list[Event]:
        for one in vectors:
            if isinstance(one["embedding"], str):
                raw = base64.b64decode(one["embedding"])
                values = struct.unpack(f"<{len(raw) // 4}f", raw)
                one["embedding"] = base64.b64encode(self.pack(values)).decode()
        return vectors

    def pack(self, values: tuple[float, ...]) -> bytes:
        return struct.pack(f"<{len(values)}f", *values)


@caught_by("embedding_base64")
class WritesBigEndian(Recodes):
    def pack(self, values: tuple[float, ...]) -> bytes:
        return struct.pack(f">{len(values)}f", *values)


@caught_by("embedding_base64")
class WritesDoubles(Recodes):
    def pack(self, values: tuple[float, ...]) -> bytes:
        return struct.pack(f"<{len(values)}d", *values)


@caught_by("embedding_base64")
class WritesHalfFloats(Recodes):
    def pack(self, values: tuple[float, ...]) -> bytes:
        return struct.pack(f"<{len(values)}e", *values)


@caught_by("embedding_base64")
class IgnoresTheEncoding(DropsField):
    names = ("encoding_format",)


@caught_by("embedding_base64")
class AlwaysWritesBase64(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"encoding_format": "base64"}


@caught_by("embedding_dimensions")
class IgnoresDimensions(DropsField):
    names = ("dimensions",)


@caught_by("embedding_no_dimensions_made_up")
class AsksForDimensions(Honest):
    def edit_request(self, payload: Event) -> Event:
        return {"dimensions": 8, **payload}


@caught_by("embedding_token_inputs")
class WritesTokenInputsOut(Honest):
    def edit_request(self, payload: Event) -> Event:
        if isinstance(payload["input"], list) and isinstance(payload["input"][0], int):
            payload["input"] = [str(token) for token in payload["input"]]
        return payload


@caught_by("embedding_texts_unchanged")
class ReplacesLineEnds(Honest):
    def edit_request(self, payload: Event) -> Event:
        if isinstance(payload["input"], list):
            payload["input"] = [text.replace("\n", " ") for text in payload["input"]]
        return payload


@caught_by("embedding_many_inputs")
class SendsOneBatchOnly(Honest):
    def edit_request(self, payload: Event) -> Event:
        return payload | {"input": payload["input"][:512]}


@caught_by("embedding_usage")
class CountsWords(Honest):
    def edit_answer(self, data: Event, payload: Event) -> Event:
        count = sum(len(text.split()) for text in payload["input"])
        return data | {"usage": {"prompt_tokens": count, "total_tokens": count}}


@caught_by("embedding_length")
class CutsShortTexts(Edits):
    def vectors(self, vectors: list[Event], payload: Event) -> list[Event]:
        if payload["input"] == "x":
            vectors[0]["embedding"] = vectors[0]["embedding"][:4]
        return vectors


@caught_by("embedding_length")
class ReturnsZeros(Edits):
    def vectors(self, vectors: list[Event], payload: Event) -> list[Event]:
        return [one | {"embedding": [0.0] * len(one["embedding"])} for one in vectors]


@caught_by("embedding_order")
class AnswersEveryTextAlike(Edits):
    def vectors(self, vectors: list[Event], payload: Event) -> list[Event]:
        return [one | {"embedding": vectors[0]["embedding"]} for one in vectors]

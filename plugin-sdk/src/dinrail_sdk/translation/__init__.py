"""For providers whose upstream speaks a dialect of its own: requests into its words, answers into OpenAI's.

What OpenAI's wire types have no words for is carried in fields that are named once for all providers; see
:mod:`dinrail_sdk.translation.carriers`. Translations are pure functions over parsed JSON: a stream costs one parse and
one write a chunk, and no model is built on the way::

    class AcmeReducer:
        def __init__(self, created: int) -> None:
            self.finished = self.done = False
            self._chunks = Chunks("acme-1", "a-model", created)

        def feed(self, event: dict[str, Any]) -> bytes:
            if event["end"] is None:
                return self._chunks.text(event["said"])
            self.finished = self.done = True
            return self._chunks.finish("stop")

    await upstream.stream(ChatChunk, "chat", body, call, events=lambda: TranslatedEvents(AcmeReducer(created)))
"""

from dinrail_sdk.translation.answers import completion, translated
from dinrail_sdk.translation.carriers import encrypted, in_native_words, native, thought, thoughts_of
from dinrail_sdk.translation.chunks import Chunks
from dinrail_sdk.translation.content import DataUrl, arguments_of, joined_text, parts_of, read_data_url
from dinrail_sdk.translation.events import Reducer, TranslatedEvents, lines_of
from dinrail_sdk.translation.numbers import packed
from dinrail_sdk.translation.parts import cut, each
from dinrail_sdk.translation.refusing import refuse_fields, wants_usage

__all__ = [
    "Chunks",
    "DataUrl",
    "Reducer",
    "TranslatedEvents",
    "arguments_of",
    "completion",
    "cut",
    "each",
    "encrypted",
    "in_native_words",
    "joined_text",
    "lines_of",
    "native",
    "packed",
    "parts_of",
    "read_data_url",
    "refuse_fields",
    "thought",
    "thoughts_of",
    "translated",
    "wants_usage",
]

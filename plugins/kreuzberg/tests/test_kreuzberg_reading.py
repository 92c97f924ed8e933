"""Real documents, broken ones, and bombs, read by kreuzberg in its process."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from dinrail_core.api.call import Call
from dinrail_core.api.documents import DocumentSource
from dinrail_core.errors import InvalidRequest
from dinrail_kreuzberg.parser import KreuzbergParser
from dinrail_kreuzberg.plugin import KreuzbergConfig

sys.path.insert(0, str(Path(__file__).parent))

from office import docx

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def source(data: bytes, name: str = "a.docx", media_type: str = DOCX) -> DocumentSource:
    async def read(start: int, stop: int) -> AsyncGenerator[bytes, None]:
        yield data[start:stop]

    return DocumentSource(name, media_type, len(data), read)


async def test_a_word_document_is_read() -> None:
    async with KreuzbergParser.opened(KreuzbergConfig()) as parser:
        found = await parser.parse(source(docx("The first paragraph.", "The second one.")), Call())
    assert found.text.split("\n\n") == ["The first paragraph.", "The second one."]
    assert found.form == "markdown"


async def test_what_is_broken_or_too_big_is_said_and_the_next_one_is_read() -> None:
    async with KreuzbergParser.opened(KreuzbergConfig(max_characters=2_000)) as parser:
        for data in (b"PK\x03\x04nothing", docx("boom " * 100, repeat=20)):
            with pytest.raises(InvalidRequest) as refused:
                await parser.parse(source(data), Call())
            assert refused.value.code == "invalid_file"
            assert refused.value.message.endswith(".")
        assert (await parser.parse(source(docx("Fine.")), Call())).text.strip() == "Fine."


async def test_a_bomb_ends_at_the_limit_of_time_or_memory() -> None:
    config = KreuzbergConfig(cpu_seconds=2, memory=2 * 1024**3)
    bomb = docx("boom " * 2_000, repeat=30_000)
    assert len(bomb) < 2_000_000
    async with KreuzbergParser.opened(config) as parser:
        with pytest.raises(InvalidRequest) as refused:
            await parser.parse(source(bomb), Call())
        assert refused.value.code == "invalid_file"


def test_it_says_what_it_reads() -> None:
    parser = KreuzbergParser(None, KreuzbergConfig())  # type: ignore[arg-type]  # nothing is run
    assert parser.reads(source(b"", "a.docx"))
    assert not parser.reads(source(b"", "a.py", "text/x-python"))

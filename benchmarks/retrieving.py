"""What taking documents into a vector store costs, and a hybrid search in it, with a model that is asked over HTTP."""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.bench import Bench, spread
from benchmarks.payloads import EMBED_MODEL
from benchmarks.processes import Process
from benchmarks.report import Result
from benchmarks.subjects import INSTANCE, RELAY_PROVIDER, Subject

__all__ = ["RETRIEVING", "measure_retrieving"]

RETRIEVING = ("ingest", "hybrid-10k")

_CHUNKS = 1_000
_FILES = 10
_SEARCHES = 30
_STRATEGY = {"type": "static", "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 0}}
_WORDS = 20_000
_PATIENCE = 120.0


async def measure_retrieving(bench: Bench) -> list[Result]:
    """Processor time of the server and its children: for a thousand chunks, and for a search among ten thousand.

    A first file is taken in before, so that what is loaded once is not counted. Texts are of words that are as often as
    words are (Zipf), a query of four of them.
    """
    chance = random.Random(7)
    amount = max(50, bench.amount(_CHUNKS))
    costs: list[float] = []
    async with _server(bench).start(bench.folder) as process, aiohttp.ClientSession(f"{process.url}/v1/") as http:
        store = await _made(http, "vector_stores", {"embedding_model": f"{INSTANCE}/{EMBED_MODEL}"})
        await _ingested(http, store, _document(chance, 20))
        for number in range(_FILES):
            document = _document(chance, amount)
            before = process.cpu()
            chunks = await _ingested(http, store, document)
            costs.append((process.cpu() - before) * _CHUNKS / amount)
            bench.say(f"file {number + 1}: {amount} paragraphs, {costs[-1]:.3f} s for a thousand ({chunks} bytes)")
        searches = await _searched(http, process, store, chance)
    return [
        Result(
            name="ingest",
            title="1,000 chunks into a vector store, vectors of 1024 over HTTP: CPU",
            unit="s",
            limit=1.0,
            measured=statistics.median(costs),
            note=f"files {spread(costs)}",
            samples=costs,
        ),
        Result(
            name="hybrid-10k",
            title=f"hybrid search among {_FILES * amount} chunks, over HTTP: CPU",
            unit="ms",
            limit=10.0,
            measured=statistics.median(searches),
            note=f"searches {spread(searches)}",
            samples=searches,
        ),
    ]


def _server(bench: Bench) -> Subject:
    file = bench.folder / "retrieving.toml"
    file.write_text(f"""\
data_dir = "{bench.folder / "retrieving"}"

[providers.{INSTANCE}]
type = "{RELAY_PROVIDER}"
base_url = "{bench.upstream.url}/v1"
""")
    program = Path(sys.executable).with_name("dinrail")
    return Subject("retrieving", [str(program), "serve", "--port", "0", "--config", str(file)])


def _document(chance: random.Random, paragraphs: int) -> bytes:
    """Paragraphs of which each becomes a chunk."""
    weights = [1 / (rank + 1) for rank in range(_WORDS)]
    words = chance.choices(range(_WORDS), weights, k=80 * paragraphs)
    parts = (" ".join(f"word{word}" for word in words[start : start + 80]) for start in range(0, len(words), 80))
    return ".\n\n".join(parts).encode()


async def _made(http: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> str:
    async with http.post(path, json=body) as answer:
        answer.raise_for_status()
        return str((await answer.json())["id"])


async def _ingested(http: aiohttp.ClientSession, store: str, document: bytes) -> int:
    """Take a document in, and wait until it is; what its chunks take."""
    form = aiohttp.FormData({"purpose": "assistants"})
    form.add_field("file", document.decode(), filename="document.txt", content_type="text/plain")
    async with http.post("files", data=form) as answer:
        answer.raise_for_status()
        file = (await answer.json())["id"]
    path = f"vector_stores/{store}/files"
    await _made(http, path, {"file_id": file, "chunking_strategy": _STRATEGY})
    async with asyncio.timeout(_PATIENCE):
        while True:
            await asyncio.sleep(0.25)
            async with http.get(f"{path}/{file}") as answer:
                state = await answer.json()
            if state["status"] != "in_progress":
                break
    if state["status"] != "completed":
        raise RuntimeError(f"The document is {state['status']}: {state['last_error']}")
    return int(state["usage_bytes"])


async def _searched(http: aiohttp.ClientSession, process: Process, store: str, chance: random.Random) -> list[float]:
    """Milliseconds of each search; the first reads the vectors, and is not counted."""
    found: list[float] = []
    for number in range(_SEARCHES + 1):
        words = [2, 5, *(int(_WORDS ** chance.random()) for _ in range(4))]
        query = " ".join(f"word{word}" for word in words)
        before = process.cpu()
        async with http.post(f"vector_stores/{store}/search", json={"query": query}) as answer:
            answer.raise_for_status()
            await answer.read()
        if number:
            found.append((process.cpu() - before) * 1000)
    return found

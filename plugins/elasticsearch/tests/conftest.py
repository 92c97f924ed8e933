"""A fake of Elasticsearch, written from its documentation, in a thread with a loop of its own.

It knows what the plugin sends and no more: indices with a strict mapping, ``_bulk``, ``script_score`` over ``bool``,
``term`` and ``terms``, ``_count``, ``_update_by_query``, ``_delete_by_query``.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from aiohttp import web

from dinrail_sdk.testing.vector_runs import pytest_collection_modifyitems

__all__ = ["pytest_collection_modifyitems"]

KEY = "an-encoded-key"


def error(status: int, kind: str) -> web.Response:
    return web.json_response({"error": {"type": kind, "reason": "as the fake says"}, "status": status}, status=status)


class FakeElasticsearch:
    def __init__(self) -> None:
        self.indices: dict[str, dict[str, Any]] = {}
        self.mappings: dict[str, dict[str, Any]] = {}

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.guard], client_max_size=100 * 1024 * 1024)
        app.router.add_put("/{index}", self.create)
        app.router.add_delete("/{index}", self.drop)
        app.router.add_get("/{index}/_mapping", self.mapping)
        app.router.add_post("/_bulk", self.bulk)
        for name in ("_search", "_count", "_update_by_query", "_delete_by_query"):
            app.router.add_post(f"/{{index}}/{name}", getattr(self, name))
        return app

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("authorization") != f"ApiKey {KEY}":
            return error(401, "security_exception")
        index = request.match_info.get("index")
        if index is not None and request.method != "PUT" and index not in self.indices:
            if request.query.get("ignore_unavailable") == "true":
                return web.json_response({"acknowledged": True})
            return error(404, "index_not_found_exception")
        answer: web.StreamResponse = await handler(request)
        return answer

    async def create(self, request: web.Request) -> web.Response:
        index = request.match_info["index"]
        if index in self.indices:
            return error(400, "resource_already_exists_exception")
        self.mappings[index] = (await request.json())["mappings"]
        self.indices[index] = {}
        return web.json_response({"acknowledged": True})

    async def drop(self, request: web.Request) -> web.Response:
        del self.indices[request.match_info["index"]]
        return web.json_response({"acknowledged": True})

    async def mapping(self, request: web.Request) -> web.Response:
        index = request.match_info["index"]
        return web.json_response({index: {"mappings": self.mappings[index]}})

    async def bulk(self, request: web.Request) -> web.Response:
        assert request.query["refresh"] == "true"
        assert request.content_type == "application/x-ndjson"
        lines = iter([json.loads(line) for line in (await request.text()).splitlines()])
        items = []
        for line in lines:
            ((action, where),) = line.items()
            documents = self.indices[where["_index"]]
            if action == "delete":
                status = 200 if documents.pop(where["_id"], None) is not None else 404
            else:
                source = next(lines)
                strict = source.keys() <= self.mappings[where["_index"]]["properties"].keys()
                status = 201 if strict else 400
                if strict:
                    documents[where["_id"]] = source
            items.append({action: {"_id": where["_id"], "status": status}})
        return web.json_response(
            {"errors": any(said["status"] > 299 for item in items for said in item.values()), "items": items}
        )

    async def _search(self, request: web.Request) -> web.Response:
        body = await request.json()
        scored = body["query"]["script_score"]
        found = self.found(request, scored["query"])
        if not found:
            return web.json_response({"hits": {"hits": []}})
        rows = np.array([source["vector"] for _, source in found], dtype=np.float32)
        scores = np.maximum(0.0, rows @ np.array(scored["script"]["params"]["wanted"], dtype=np.float32) + 1.0)
        best = np.argsort(-scores, kind="stable")[: body["size"]]
        hits = [
            {
                "_id": found[at][0],
                "_score": float(scores[at]),
                "_source": {field: found[at][1][field] for field in body["_source"]},
            }
            for at in best
        ]
        return web.json_response({"hits": {"hits": hits}})

    async def _count(self, request: web.Request) -> web.Response:
        return web.json_response({"count": len(self.found(request, (await request.json())["query"]))})

    async def _update_by_query(self, request: web.Request) -> web.Response:
        body = await request.json()
        found = self.found(request, body["query"])
        for _, source in found:
            source.update(body["script"]["params"])
        return web.json_response({"updated": len(found)})

    async def _delete_by_query(self, request: web.Request) -> web.Response:
        found = self.found(request, (await request.json())["query"])
        for key, _ in found:
            del self.indices[request.match_info["index"]][key]
        return web.json_response({"deleted": len(found)})

    def found(self, request: web.Request, query: Any) -> list[tuple[str, dict[str, Any]]]:
        documents = self.indices[request.match_info["index"]]
        return [(key, source) for key, source in documents.items() if matches(query, source)]


def matches(query: Any, source: dict[str, Any]) -> bool:
    ((kind, body),) = query.items()
    if kind == "match_all":
        return True
    if kind in ("term", "terms"):
        ((field, wanted),) = body.items()
        there = source[field] if isinstance(source[field], list) else [source[field]]
        return bool({*there} & {*(wanted if kind == "terms" else [wanted])})
    assert kind == "bool"
    should = body.get("should", [])
    return (
        all(matches(one, source) for one in body.get("filter", []))
        and sum(matches(one, source) for one in should) >= body.get("minimum_should_match", 0)
        and not any(matches(one, source) for one in body.get("must_not", []))
    )


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    started, stop = threading.Event(), asyncio.Event()
    told: dict[str, Any] = {}

    async def run() -> None:
        runner = web.AppRunner(FakeElasticsearch().app(), handle_signals=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert runner.addresses
        told["url"], told["loop"] = f"http://127.0.0.1:{runner.addresses[0][1]}", asyncio.get_running_loop()
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="fake-elasticsearch", daemon=True)
    thread.start()
    assert started.wait(30)
    yield told["url"]
    told["loop"].call_soon_threadsafe(stop.set)
    thread.join(30)

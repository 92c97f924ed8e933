"""A fake of Elasticsearch, written from its documentation, in a thread with a loop of its own.

It knows what the plugin sends and no more: indices with a strict mapping, ``_bulk``, ``script_score`` over ``bool``,
``term`` and ``terms``, ``_count``, ``_update_by_query``, ``_delete_by_query``.

What the plugin sends and what is answered here was checked, field by field, against Elastic's own specification
(elastic/elasticsearch-specification, commit 9d9b9a521cc1): requests and responses of these, ``DenseVectorProperty``,
``KeywordProperty``, ``ScriptScoreQuery``, ``ErrorCause``. Fields that it calls required are all there.
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
SHARDS = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}


def error(status: int, kind: str) -> web.Response:
    return web.json_response({"error": {"type": kind, "reason": "as the fake says"}, "status": status}, status=status)


class FakeElasticsearch:
    def __init__(self) -> None:
        self.indices: dict[str, dict[str, Any]] = {}
        self.mappings: dict[str, dict[str, Any]] = {}
        self.late = False
        self.failures: list[dict[str, Any]] = []

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
        return web.json_response({"acknowledged": True, "shards_acknowledged": True, "index": index})

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
            about: dict[str, Any] = {"_index": where["_index"], "_id": where["_id"]}
            source = next(lines) if action == "index" else None
            items.append({action: about | self.written(where["_index"], where["_id"], source)})
        errors = any("error" in said for item in items for said in item.values())
        return web.json_response({"took": 1, "errors": errors, "items": items})

    def written(self, index: str, key: str, source: dict[str, Any] | None) -> dict[str, Any]:
        """What is said of one action of many."""
        if index not in self.indices:
            return {"status": 404, "error": {"type": "index_not_found_exception", "reason": "no such index"}}
        if source is None:
            there = self.indices[index].pop(key, None) is not None
            return {"status": 200, "result": "deleted"} if there else {"status": 404, "result": "not_found"}
        if not source.keys() <= self.mappings[index]["properties"].keys():
            return {"status": 400, "error": {"type": "strict_dynamic_mapping_exception", "reason": "as the fake says"}}
        created = key not in self.indices[index]
        self.indices[index][key] = source
        return {"status": 201, "result": "created"} if created else {"status": 200, "result": "updated"}

    async def _search(self, request: web.Request) -> web.Response:
        assert request.query["allow_partial_search_results"] == "false"
        body = await request.json()
        scored = body["query"]["script_score"]
        found = self.found(request, scored["query"])
        told = {"took": 1, "timed_out": False, "_shards": SHARDS}
        if not found:
            return web.json_response({**told, "hits": {"max_score": None, "hits": []}})
        rows = np.array([source["vector"] for _, source in found], dtype=np.float32)
        scores = np.maximum(0.0, rows @ np.array(scored["script"]["params"]["wanted"], dtype=np.float32) + 1.0)
        best = np.argsort(-scores, kind="stable")[: body["size"]]
        hits = [
            {
                "_index": request.match_info["index"],
                "_id": found[at][0],
                "_score": float(scores[at]),
                "_source": {field: found[at][1][field] for field in body["_source"]},
            }
            for at in best
        ]
        return web.json_response({**told, "hits": {"max_score": hits[0]["_score"] if hits else None, "hits": hits}})

    async def _count(self, request: web.Request) -> web.Response:
        count = len(self.found(request, (await request.json())["query"]))
        return web.json_response({"count": count, "_shards": SHARDS})

    async def _update_by_query(self, request: web.Request) -> web.Response:
        body = await request.json()
        found = self.found(request, body["query"])
        for _, source in found:
            source.update(body["script"]["params"])
        return self.changed({"updated": len(found), "total": len(found)})

    async def _delete_by_query(self, request: web.Request) -> web.Response:
        found = self.found(request, (await request.json())["query"])
        for key, _ in found:
            del self.indices[request.match_info["index"]][key]
        return self.changed({"deleted": len(found), "total": len(found)})

    def changed(self, counts: dict[str, int]) -> web.Response:
        more: dict[str, Any] = {"took": 1, "timed_out": self.late, "version_conflicts": 0, "failures": self.failures}
        return web.json_response({**more, **counts})

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
def elasticsearch() -> FakeElasticsearch:
    return FakeElasticsearch()


@pytest.fixture(scope="session")
def elasticsearch_url(elasticsearch: FakeElasticsearch) -> Iterator[str]:
    started, stop = threading.Event(), asyncio.Event()
    told: dict[str, Any] = {}

    async def run() -> None:
        runner = web.AppRunner(elasticsearch.app(), handle_signals=False)
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

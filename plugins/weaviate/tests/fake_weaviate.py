"""A fake of Weaviate, written from its documentation.

What the plugin sends over REST and what is answered here was checked, field by field, against Weaviate's own OpenAPI
description (``openapi-specs/schema.json`` of weaviate/weaviate, 1.40.0-dev, commit adcffc5432aa): ``Class``,
``Property``, ``Object``, ``ObjectsGetResponse``, ``BatchDelete``, ``BatchDeleteResponse``, ``WhereFilter``,
``NodesStatusResponse``, ``ErrorResponse`` and the refusals of 422 and 429. Of GraphQL it knows ``GraphQLQuery`` and
``GraphQLResponse`` alone: arguments and fields of queries are from the documentation. The plugin uses no gRPC.

It knows what the plugin sends and no more: definitions of collections, batches of objects, merging into one, deleting
by a condition (as many at once as a query may return), the state of nodes, and GraphQL with ``Get`` by ``nearVector``
or ``where`` and ``Aggregate`` with a count. Queries are read by a real parser of GraphQL. As a server does by itself,
it makes a collection when objects are put into one that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from aiohttp import web
from graphql import parse
from graphql.error import GraphQLSyntaxError
from graphql.language import EnumValueNode, FieldNode, OperationDefinitionNode
from graphql.utilities import value_from_ast_untyped

KEY = "a-key"

Collection = dict[str, Any]


def refusal(status: int, message: str) -> web.Response:
    return web.json_response({"error": [{"message": message}]}, status=status)


class FakeWeaviate:
    """What it keeps, and how it behaves.

    Attributes:
        url: Where it listens.
        collections: Definitions and objects by name.
        most: What a query may return or delete.
        waiting: How many vectors are still to be indexed, one question after the other.
        broken: What batches and deletes say of an object, where something is wrong.
        forbidden: How a definition is refused, where it is: the status and what is said.
    """

    def __init__(self) -> None:
        self.url = ""
        self.collections: dict[str, Collection] = {}
        self.most = 10_000
        self.waiting: list[int] = []
        self.broken: str | None = None
        self.forbidden: tuple[int, dict[str, Any]] | None = None

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.guard], client_max_size=100 * 1024 * 1024)
        app.router.add_post("/v1/schema", self.create)
        app.router.add_get("/v1/schema/{name}", self.definition)
        app.router.add_delete("/v1/schema/{name}", self.drop)
        app.router.add_get("/v1/nodes/{name}", self.nodes)
        app.router.add_post("/v1/batch/objects", self.batch)
        app.router.add_delete("/v1/batch/objects", self.batch_delete)
        app.router.add_patch("/v1/objects/{name}/{id}", self.merge)
        app.router.add_post("/v1/graphql", self.graphql)
        return app

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return web.json_response({"code": 401, "message": "anonymous access not enabled"}, status=401)
        answer: web.StreamResponse = await handler(request)
        return answer

    async def create(self, request: web.Request) -> web.Response:
        definition = await request.json()
        name = definition["class"]
        assert name[0].isupper()
        if self.forbidden is not None:
            return web.json_response(self.forbidden[1], status=self.forbidden[0])
        if name in self.collections:
            return refusal(422, f"class name {name} already exists")
        self.collections[name] = {"definition": definition, "objects": {}}
        return web.json_response(definition)

    async def definition(self, request: web.Request) -> web.Response:
        found = self.collections.get(request.match_info["name"])
        return web.Response(status=404) if found is None else web.json_response(found["definition"])

    async def drop(self, request: web.Request) -> web.Response:
        self.collections.pop(request.match_info["name"], None)
        return web.Response(status=200)

    async def nodes(self, request: web.Request) -> web.Response:
        assert request.query["output"] == "verbose"
        name = request.match_info["name"]
        length = self.waiting.pop(0) if self.waiting else 0
        if name not in self.collections:
            return refusal(404, f"class {name} not found")
        shard = {"name": "one", "class": name, "objectCount": len(self.collections[name]["objects"])}
        indexing = {"vectorIndexingStatus": "READY", "vectorQueueLength": length, "compressed": False, "loaded": True}
        shards = [{**shard, **indexing}]
        return web.json_response({"nodes": [{"name": "node1", "status": "HEALTHY", "shards": shards}]})

    async def batch(self, request: web.Request) -> web.Response:
        assert request.query["consistency_level"] == "ALL"
        answer = []
        for one in (await request.json())["objects"]:
            result: dict[str, Any] = {"status": "SUCCESS"}
            if self.broken is not None:
                result = {"status": "FAILED", "errors": {"error": [{"message": self.broken}]}}
            else:
                made_by_itself: Collection = {"definition": {"class": one["class"]}, "objects": {}}
                self.collections.setdefault(one["class"], made_by_itself)["objects"][one["id"]] = one
            answer.append({**one, "result": result})
        return web.json_response(answer)

    async def merge(self, request: web.Request) -> web.Response:
        assert request.query["consistency_level"] == "ALL"
        objects = self.collections.get(request.match_info["name"], {"objects": {}})["objects"]
        if request.match_info["id"] not in objects:
            return web.Response(status=404)
        objects[request.match_info["id"]]["properties"] |= (await request.json())["properties"]
        return web.Response(status=204)

    async def batch_delete(self, request: web.Request) -> web.Response:
        assert request.query["consistency_level"] == "ALL"
        body = await request.json()
        if body["match"]["class"] not in self.collections:
            return refusal(422, "class not found in schema")
        objects = self.collections[body["match"]["class"]]["objects"]
        found = matching(objects.values(), body["match"]["where"], "valueTextArray")
        gone = [] if self.broken is not None else found[: self.most]
        for one in gone:
            del objects[one["id"]]
        failed = len(found) if self.broken is not None else 0
        results = {"matches": len(found), "limit": self.most, "successful": len(gone), "failed": failed}
        return web.json_response({**body, "dryRun": False, "results": results})

    async def graphql(self, request: web.Request) -> web.Response:
        try:
            read = parse((await request.json())["query"], no_location=True)
        except GraphQLSyntaxError as error:
            return web.json_response({"data": None, "errors": [{"message": error.message}]})
        (operation,) = read.definitions
        assert isinstance(operation, OperationDefinitionNode)
        (kind,) = fields(operation)
        (asked,) = fields(kind)
        name = asked.name.value
        if name not in self.collections:
            return web.json_response({"data": None, "errors": [{"message": f'Cannot query field "{name}".'}]})
        given = {one.name.value: untyped(one.value) for one in asked.arguments or ()}
        if given.get("limit", 0) > self.most:
            return web.json_response({"data": None, "errors": [{"message": "query maximum results exceeded"}]})
        objects = self.collections[name]["objects"].values()
        found = matching(objects, given["where"], "valueText") if "where" in given else list(objects)
        if kind.name.value == "Aggregate":
            answer: list[Any] = [{"meta": {"count": len(found)}}]
        else:
            answer = [shown(one, distance, asked) for one, distance in nearest(found, given)]
        return web.json_response({"data": {kind.name.value: {name: answer}}})


def fields(node: Any) -> list[FieldNode]:
    return [one for one in node.selection_set.selections if isinstance(one, FieldNode)]


def untyped(node: Any) -> Any:
    """A value; operators have to be names, and not texts."""
    if hasattr(node, "fields"):
        operators = [one.value for one in node.fields if one.name.value == "operator"]
        assert all(isinstance(one, EnumValueNode) for one in operators)
        return {one.name.value: untyped(one.value) for one in node.fields}
    if hasattr(node, "values"):
        return [untyped(one) for one in node.values]
    return value_from_ast_untyped(node)


def nearest(found: list[dict[str, Any]], given: dict[str, Any]) -> list[tuple[dict[str, Any], float]]:
    if not found or "nearVector" not in given:
        return [(one, 0.0) for one in found[: given["limit"]]]
    rows = np.array([one["vector"] for one in found], dtype=np.float32)
    wanted = np.array(given["nearVector"]["vector"], dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(wanted)
    distances = 1.0 - (rows @ wanted) / lengths
    best = np.argsort(distances, kind="stable")[: given["limit"]]
    return [(found[at], float(distances[at])) for at in best]


def shown(one: dict[str, Any], distance: float, asked: FieldNode) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for field in fields(asked):
        if field.name.value == "_additional":
            more = {"id": one["id"], "distance": distance}
            answer["_additional"] = {inner.name.value: more[inner.name.value] for inner in fields(field)}
        else:
            answer[field.name.value] = one["properties"].get(field.name.value)
    return answer


def matching(objects: Iterable[dict[str, Any]], where: Any, several: str) -> list[dict[str, Any]]:
    """The objects that a condition holds for, in the order of their ids."""
    return sorted((one for one in objects if holds(where, one, several)), key=lambda one: str(one["id"]))


def holds(where: Any, one: dict[str, Any], several: str) -> bool:
    operator = where["operator"]
    if operator in ("And", "Or", "Not"):
        inner = [holds(part, one, several) for part in where["operands"]]
        assert operator != "Not" or len(inner) == 1
        return all(inner) if operator == "And" else any(inner) != (operator == "Not")
    (path,) = where["path"]
    there = one["id"] if path == "id" else one["properties"][path]
    texts = set(there) if isinstance(there, list) else {there}
    if operator == "Equal":
        return where["valueText"] in texts
    assert operator == "ContainsAny"
    return not texts.isdisjoint(where[several])

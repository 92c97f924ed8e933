"""File search: the model looks into vector stores, and says which files its answer rests on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic_core import from_json, to_json

from dinrail_core.api.vector_stores import SearchRequest, SearchResult, VectorStores
from dinrail_core.api.wire import decode_request
from dinrail_core.errors import DinrailError, InvalidRequest, NotFound
from dinrail_core.hooks.context import Rail
from dinrail_responses.tools.interface import Desk, Exchange, Json, ModelCall, Offer, Pen, Told, ToolKind, ToolSet
from dinrail_responses.tools.numbering import numbered

__all__ = ["FileSearchKind"]

_NAME = "file_search"
_MOST_QUERIES = 8
_PASSED = ("max_num_results", "filters", "ranking_options")
_DESCRIPTION = (
    "Searches the user's files. Passages are found by meaning and by words; ask in whole questions, several at once "
    "where that helps. Each passage has a mark such as 【1】: put it, just as it is, behind what rests on it."
)
_PARAMETERS: Json = {
    "type": "object",
    "properties": {
        "queries": {"type": "array", "items": {"type": "string"}, "description": "What to look for.", "minItems": 1}
    },
    "required": ["queries"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class _Stores:
    ids: Sequence[str]
    wanted: Json
    most: int


class FileSearchKind(ToolKind):
    """Searches of vector stores, through whatever service keeps those."""

    tool_types = frozenset({"file_search"})
    item_types = frozenset({"file_search_call"})

    def installed(self, rail: Rail) -> bool:
        """See :meth:`ToolKind.installed`."""
        return rail.provides(VectorStores)

    @asynccontextmanager
    async def open(self, tools: Mapping[int, Json], desk: Desk) -> AsyncIterator[ToolSet]:
        """See :meth:`ToolKind.open`."""
        stores = await desk.rail.service(VectorStores)
        opened = []
        for index, tool in tools.items():
            ids = tool["vector_store_ids"]
            if not ids:
                raise InvalidRequest("A search needs a store.", param=f"tools.{index}.vector_store_ids")
            wanted = {name: tool[name] for name in _PASSED if tool.get(name) is not None}
            try:
                checked = decode_request(SearchRequest, {"query": "?", **wanted})
            except InvalidRequest as error:
                raise InvalidRequest(error.message, param=f"tools.{index}.{error.param}") from None
            try:
                await asyncio.gather(*(stores.get(store_id, desk.call) for store_id in ids))
            except NotFound as error:
                raise NotFound(error.message, param=f"tools.{index}.vector_store_ids") from None
            opened.append(_Stores(list(dict.fromkeys(ids)), wanted, checked.max_num_results))
        yield _FileSearch(stores, opened, desk)

    def replayed(self, item: Json, items: Mapping[str, Json]) -> Exchange | None:
        """See :meth:`ToolKind.replayed`."""
        call = ModelCall(id=item["id"], name=_NAME, arguments=_arguments(item["queries"]))
        results = item.get("results")
        if results is None:
            return Exchange(call, "What was found is not told again.")
        passages = [f"{result.get('filename', '')}:\n{result.get('text', '')}" for result in results]
        return Exchange(call, "\n\n".join(passages) or _NOTHING)


_NOTHING = "Nothing was found."


class _FileSearch(ToolSet):
    def __init__(self, stores: VectorStores, opened: Sequence[_Stores], desk: Desk) -> None:
        self._stores = stores
        self._opened = numbered(_NAME, opened)
        self._desk = desk

    def offers(self) -> Sequence[Offer]:
        return [Offer(name=name, description=_DESCRIPTION, parameters=_PARAMETERS) for name in self._opened]

    async def run(self, call: ModelCall, pen: Pen) -> Told | None:
        queries = _queries(call.arguments)
        item: Json = {
            "type": "file_search_call",
            "id": self._desk.new_id("file_search_call"),
            "status": "in_progress",
            "queries": queries,
            "results": None,
        }
        pen.added(item)
        pen.event("response.file_search_call.in_progress")
        pen.event("response.file_search_call.searching")
        try:
            found = await self._search(self._opened[call.name], queries)
        except DinrailError as error:
            pen.done({**item, "status": "failed"})
            return f"The search failed: {error.message}"
        results = [_result(one) for one in found]
        pen.event("response.file_search_call.completed")
        pen.done({**item, "status": "completed", "results": results})
        return "\n\n".join(self._passage(result) for result in results) or _NOTHING

    async def _search(self, stores: _Stores, queries: Sequence[str]) -> list[SearchResult]:
        if not queries:
            raise InvalidRequest('The arguments are no queries; they look like {"queries": ["…"]}.')
        request = decode_request(SearchRequest, {**stores.wanted, "query": list(queries)})
        answers = await asyncio.gather(*(self._stores.search(one, request, self._desk.call) for one in stores.ids))
        found = [result for answer in answers for result in answer.value.data]
        return sorted(found, key=lambda result: -result.score)[: stores.most]

    def _passage(self, result: Json) -> str:
        citation = {"type": "file_citation", "file_id": result["file_id"], "filename": result["filename"]}
        return f"{self._desk.cite(citation)} {result['filename']}:\n{result['text']}"


def _queries(arguments: str) -> list[str]:
    """What the model looks for; weak models write one query, or call it otherwise."""
    try:
        given = from_json(arguments)
    except ValueError:
        return []
    if isinstance(given, dict):
        given = given.get("queries") or given.get("query")
    if isinstance(given, str):
        given = [given]
    return (
        [query for query in given if isinstance(query, str) and query][:_MOST_QUERIES]
        if isinstance(given, list)
        else []
    )


def _arguments(queries: Sequence[str]) -> str:
    return to_json({"queries": list(queries)}).decode()


def _result(found: SearchResult) -> Json:
    text = "\n".join(piece.text for piece in found.content)
    told: Json = {"file_id": found.file_id, "filename": found.filename, "score": found.score, "text": text}
    return {**told, "attributes": found.attributes}

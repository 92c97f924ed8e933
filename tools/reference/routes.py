"""``docs/reference/routes.md``."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel

from dinrail_core.hooks.http import Route
from tools.reference.docstrings import attribute_docs, cell
from tools.reference.schema import type_of
from tools.reference.tree import Tree

__all__ = ["routes_page"]

_INTRODUCTION = """\
# Routes

What the bundle serves. A plugin may add more; `GET /openapi.json` of a running server describes what there is, every
field included. Answers in the event of an error are on the page [errors](errors.md).

Where a route names an *event*, it answers with server-sent events when the body says `"stream": true`, and the last
line of data is `[DONE]`. A `:path` in a parameter means that its value may contain slashes.
"""


def routes_page(tree: Tree) -> str:
    """Every operation, by the API that it belongs to."""
    parts = [_INTRODUCTION]
    for tag in dict.fromkeys(route.tag for _, route in tree.routes):
        routes = [(distribution, route) for distribution, route in tree.routes if route.tag == tag]
        owners = ", ".join(f"`{name}`" for name in dict.fromkeys(distribution for distribution, _ in routes))
        rows = ["| route | what it does | body | answer | event |", "|---|---|---|---|---|"]
        rows += [_row(route) for _, route in routes]
        parts += [f"## {tag}", f"From {owners}.", "\n".join(rows), *_queries(route for _, route in routes)]
    return "\n\n".join(parts)


def _row(route: Route) -> str:
    answer = f"`{route.answer.__name__}`" if route.answer is not None else ""
    answer += f" ({route.status})" if route.status != 200 else ""
    cells = [
        f"`{route.method} {route.path}`",
        cell(route.summary),
        _body(route),
        answer,
        f"`{route.event.__name__}`" if route.event is not None else "",
    ]
    return f"| {' | '.join(cells)} |"


def _body(route: Route) -> str:
    """What a request carries: JSON, or a form."""
    if route.form is not None:
        return f"`{route.form.__name__}`, as a form"
    return f"`{route.body.__name__}`" if route.body is not None else ""


def _queries(routes: Iterable[Route]) -> list[str]:
    """The parameters of the queries, for the routes that have any."""
    return [
        f"Parameters of `{route.method} {route.path}`:\n\n" + "\n".join(_parameters(route.query))
        for route in routes
        if route.query is not None
    ]


def _parameters(query: type[BaseModel]) -> list[str]:
    schema, documented = query.model_json_schema(), attribute_docs(query)
    return [
        f"- `{name}` ({type_of(found, schema.get('$defs', {}))}) {documented.get(name, '')}".rstrip()
        for name, found in schema["properties"].items()
    ]

"""The description of the HTTP interface (OpenAPI 3.1.0), made from the routes and their wire types."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from dinrail_core import __version__
from dinrail_core.api.error_body import ErrorBody
from dinrail_core.hooks.http import Route
from dinrail_server.routing import parameters, template

__all__ = ["describe"]

_REF = "#/components/schemas/{model}"
_INPUT: Literal["validation"] = "validation"
_OUTPUT: Literal["serialization"] = "serialization"
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The first answer to a key is kept for 24 hours and given again, with `idempotent-replayed: true`.",
}
_IDEMPOTENCY_KEY_WHERE_STORED = {
    **_IDEMPOTENCY_KEY,
    "schema": {"type": "string"},
    "description": "Counts where the request stores something (`store`), and has 1 to 255 characters then: the same "
    "request with the same key is, for 24 hours, answered out of what the first has stored, with "
    "`idempotent-replayed: true`.",
}
_Schemas = Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]


def describe(routes: Sequence[Route]) -> bytes:
    """The document, JSON.

    Args:
        routes: The operations.
    """
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(ErrorBody, _OUTPUT)]
    for route in routes:
        wanted += [(wire, _INPUT) for wire in (route.body, route.form, route.query) if wire is not None]
        wanted += [(wire, _OUTPUT) for wire in (route.answer, route.event) if wire is not None]
    schemas, definitions = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(template(route.path), {})[route.method.lower()] = _operation(route, schemas, definitions)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Dinrail",
            "version": __version__,
            "description": "OpenAI's API in front of whatever is on the rail.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "responses": {
                "Error": {
                    "description": "The request could not be answered.",
                    "content": {"application/json": {"schema": schemas[ErrorBody, _OUTPUT]}},
                }
            },
        },
    }
    return orjson.dumps(document)


def _operation(route: Route, schemas: _Schemas, definitions: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "responses": {
            str(route.status): {"description": "The answer.", "content": _answers(route, schemas)},
            "4XX": {"$ref": "#/components/responses/Error"},
            "5XX": {"$ref": "#/components/responses/Error"},
        },
    }
    values = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in parameters(route.path)
    ]
    if route.query is not None:
        values += _query(schemas[route.query, _INPUT], definitions)
    if route.creates:
        values.append(_IDEMPOTENCY_KEY)
    if route.replay is not None:
        values.append(_IDEMPOTENCY_KEY_WHERE_STORED)
    if values:
        operation["parameters"] = values
    if (route.body or route.form) is not None:
        content = {kind: {"schema": schemas[_body(route, kind), _INPUT]} for kind in sorted(route.content_types)}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _body(route: Route, kind: str) -> type[BaseModel]:
    """The wire type of a request of some media type, where a route takes forms and JSON."""
    wire = (route.form or route.body) if kind == "multipart/form-data" else (route.body or route.form)
    assert wire is not None
    return wire


def _answers(route: Route, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if route.answer is not None:
        content["application/json"] = {"schema": schemas[route.answer, _OUTPUT]}
    if route.event is not None:
        content["text/event-stream"] = {"schema": _event(schemas[route.event, _OUTPUT], schemas[ErrorBody, _OUTPUT])}
    return content or {"*/*": {}}


def _event(data: dict[str, Any], error: dict[str, Any]) -> dict[str, Any]:
    """One event, as OpenAPI 3.2 describes them; 3.1 has no words for the sequence."""
    json_text = {"type": "string", "contentMediaType": "application/json"}
    return {
        "type": "object",
        "description": "One event of the stream.",
        "required": ["data"],
        "properties": {
            "data": {
                "anyOf": [
                    {**json_text, "contentSchema": data},
                    {**json_text, "contentSchema": error, "description": "The stream breaks off here."},
                    {"const": "[DONE]", "description": "The end."},
                ]
            },
            "event": {"type": "string", "description": "`error` where the stream breaks off."},
        },
    }


def _query(schema: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    name = schema["$ref"].rpartition("/")[2] if "$ref" in schema else None
    whole = definitions["$defs"][name] if name is not None else schema
    required = whole.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": {key: value for key, value in field.items() if key != "title"},
            **({"description": field["description"]} if "description" in field else {}),
        }
        for name, field in whole.get("properties", {}).items()
    ]


def _operation_id(route: Route) -> str:
    words = re.findall(r"[A-Za-z0-9]+", template(route.path).removeprefix("/v1"))
    return "_".join([route.method.lower(), *words])

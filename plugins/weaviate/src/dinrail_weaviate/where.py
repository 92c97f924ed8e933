"""Conditions in Weaviate's words, for its GraphQL and its REST interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import orjson

from dinrail_sdk.vectors.number_words import NumberWordDialect

__all__ = ["Conditions", "Where", "equal", "in_graphql", "no", "one_of"]

Where: TypeAlias = dict[str, Any]
"""A condition as the REST interface takes it."""


def equal(name: str, value: str) -> Where:
    """The property is this text, or has it among its texts."""
    return {"path": [name], "operator": "Equal", "valueText": value}


def one_of(name: str, values: Sequence[str]) -> Where:
    """The property is one of several texts, or has one of them among its own."""
    return {"path": [name], "operator": "ContainsAny", "valueTextArray": list(values)}


def no(part: Where) -> Where:
    """The opposite."""
    return {"operator": "Not", "operands": [part]}


class Conditions(NumberWordDialect[Where]):
    """What Weaviate can say of a record's words."""

    def has(self, word: str) -> Where:
        return equal("words", word)

    def has_any(self, words: Sequence[str]) -> Where:
        return one_of("words", words)

    def all_of(self, parts: Sequence[Where]) -> Where:
        return {"operator": "And", "operands": list(parts)}

    def any_of(self, parts: Sequence[Where]) -> Where:
        return {"operator": "Or", "operands": list(parts)}

    def no(self, part: Where) -> Where:
        return no(part)


def in_graphql(where: Where) -> str:
    """A condition as GraphQL takes it: operators are names, and lists of values have the name of a value."""
    parts = [f"operator:{where['operator']}"]
    if "operands" in where:
        parts.append(f"operands:[{','.join(map(in_graphql, where['operands']))}]")
    else:
        value = where["valueTextArray"] if "valueTextArray" in where else where["valueText"]
        parts.append(f"path:{orjson.dumps(where['path']).decode()},valueText:{orjson.dumps(value).decode()}")
    return f"{{{','.join(parts)}}}"

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, Tag

from dinrail_core.api.chat import ChatChunk, ChatCompletion, ChatRequest, FunctionTool
from dinrail_core.api.open_enum import OpenEnum, Unlisted
from dinrail_core.api.wire import MISSING, Wire


class Base(Wire):
    """What is described."""

    inherited: int | MISSING = MISSING
    """From the base."""


class Described(Base):
    """What is described."""

    kind: Literal["described"] = "described"
    needed: int
    """Said
    in two lines."""
    optional: str | MISSING = MISSING
    nullable: str | None | MISSING = MISSING
    written: str | None = None
    """Always there."""
    named: int | MISSING = Field(default=MISSING, alias="na/med")
    """Under its alias."""
    told: int | MISSING = Field(default=MISSING, description="By hand.")
    """Not used."""
    usual: int = 7


def test_the_strings_below_fields_describe_them() -> None:
    properties = Described.model_json_schema()["properties"]

    described = {key: value.get("description") for key, value in properties.items()}
    assert described == {
        "inherited": "From the base.",
        "kind": None,
        "needed": "Said\nin two lines.",
        "optional": None,
        "nullable": None,
        "written": "Always there.",
        "na/med": "Under its alias.",
        "told": "By hand.",
        "usual": None,
    }


def test_what_is_always_written_is_required_of_what_is_written() -> None:
    schema = Described.model_json_schema(mode="serialization")

    assert schema["required"] == ["kind", "needed", "written", "usual"]
    assert "default" not in schema["properties"]["written"]


def test_what_is_read_requires_its_constants_and_what_has_no_default() -> None:
    schema = Described.model_json_schema(mode="validation")

    assert schema["required"] == ["kind", "needed"]
    assert schema["properties"]["usual"]["default"] == 7


def test_optional_and_nullable_are_told_apart() -> None:
    properties = Described.model_json_schema()["properties"]

    assert properties["optional"]["type"] == "string"
    assert properties["nullable"]["anyOf"] == [{"type": "string"}, {"type": "null"}]


def test_a_type_that_is_used_by_another_is_completed_too() -> None:
    class Holder(BaseModel):
        one: Described
        many: list[Described]

    schema = Holder.model_json_schema(mode="serialization")

    assert schema["$defs"]["Described"]["required"] == ["kind", "needed", "written", "usual"]


def test_a_class_without_source_has_a_schema_without_descriptions() -> None:
    namespace: dict[str, type[Wire]] = {}
    exec("class Made(Wire):\n    a: int = 1\n    '''Lost.'''", {"Wire": Wire, "__name__": "nowhere"}, namespace)

    schema = namespace["Made"].model_json_schema(mode="serialization")

    assert schema["required"] == ["a"]
    assert "description" not in schema["properties"]["a"]


def test_an_open_enum_is_an_enum_in_the_schema_and_any_string_otherwise() -> None:
    class Holder(Wire):
        reason: Annotated[str, OpenEnum("stop", "length")]
        maybe: Annotated[str, OpenEnum("a")] | None | MISSING = MISSING

    assert Holder.model_validate({"reason": "new", "maybe": "b"}).reason == "new"
    properties = Holder.model_json_schema()["properties"]
    assert properties["reason"] == {"enum": ["stop", "length"], "title": "Reason", "type": "string"}
    assert properties["maybe"]["anyOf"] == [{"enum": ["a"], "type": "string"}, {"type": "null"}]


def test_an_unlisted_branch_is_not_in_the_schema() -> None:
    class Known(Wire):
        kind: Literal["known"] = "known"

    class Unknown(Wire):
        kind: str

    class Holder(Wire):
        one: Annotated[
            Annotated[Known, Tag("known")] | Annotated[Unknown, Unlisted(), Tag("unknown")],
            Discriminator(lambda value: "known" if value["kind"] == "known" else "unknown"),
        ]

    assert isinstance(Holder.model_validate({"one": {"kind": "new"}}).one, Unknown)
    schema = Holder.model_json_schema()
    assert schema["properties"]["one"]["oneOf"] == [{"$ref": "#/$defs/Known"}]
    assert list(schema["$defs"]) == ["Known"]


def test_types_of_requests_and_answers_say_what_clients_rely_on() -> None:
    request = ChatRequest.model_json_schema(mode="validation")
    completion = ChatCompletion.model_json_schema(mode="serialization")
    chunk = ChatChunk.model_json_schema(mode="serialization")

    assert request["required"] == ["model", "messages"]
    assert request["properties"]["messages"]["minItems"] == 1
    assert request["$defs"]["FunctionTool"]["required"] == ["type", "function"]
    assert completion["required"] == ["id", "object", "created", "model", "choices"]
    assert completion["$defs"]["ChatMessage"]["required"] == ["role", "content", "refusal"]
    assert completion["$defs"]["ChatChoice"]["required"] == ["index", "message", "finish_reason", "logprobs"]
    assert chunk["$defs"]["ChunkChoice"]["required"] == ["index", "delta", "finish_reason"]
    assert "UnknownToolCall" not in completion["$defs"]
    assert FunctionTool.model_json_schema()["properties"]["type"]["const"] == "function"

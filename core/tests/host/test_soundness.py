from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from dinrail_core.hooks import Command, ProviderType, Route, Section, ServiceType
from dinrail_core.host.soundness import NAME, unsound


class Talks:
    pass


class Forbids(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Ignores(BaseModel):
    pass


async def _handle(exchange: object) -> Any:
    raise NotImplementedError


def _open(config: object, context: object) -> Any:
    raise NotImplementedError


async def _count(arguments: object, rail: object) -> int:
    raise NotImplementedError


PROVIDER = ProviderType(name="echo", config=Forbids, apis=frozenset({Talks}), open=_open)
SERVICE = ServiceType(name="notes", config=Forbids, provides=frozenset({Talks}), open=_open)
SECTION = Section(name="greeting", config=Forbids)
COMMAND = Command(name="hello", summary="Greet", configure=lambda parser: None, run=lambda arguments: 0)
ROUTE = Route(method="GET", path="/v1/hello/{name}", handler=_handle, summary="Greet", tag="Hello")


@pytest.mark.parametrize("record", [PROVIDER, SERVICE, SECTION, COMMAND, ROUTE], ids=lambda r: type(r).__name__)
def test_a_careful_record_is_sound(record: object) -> None:
    assert unsound(record, type(record)) is None


def test_a_command_on_the_rail_is_sound() -> None:
    assert unsound(replace(COMMAND, run=None, on_rail=_count), Command) is None


def test_a_plain_set_of_contracts_will_do() -> None:
    assert unsound(replace(PROVIDER, apis={Talks}), ProviderType) is None  # type: ignore[arg-type]  # what authors write


@pytest.mark.parametrize("record", [PROVIDER, SERVICE, SECTION, COMMAND], ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("name", ["", " ", "a b", "../up", "a/b", ".hidden", "-x", "é", "x" * 65, None, 3, ["a"]])
def test_a_name_that_could_be_no_key_id_or_folder_is_refused(record: Any, name: object) -> None:
    text = unsound(replace(record, name=name), type(record))
    assert text is not None
    assert "is not made of letters, digits" in text


@pytest.mark.parametrize("record", [PROVIDER, SERVICE, SECTION], ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("config", [None, dict, object, Forbids(), "Forbids", Mapping])
def test_a_config_that_is_no_model_is_refused(record: Any, config: object) -> None:
    text = unsound(replace(record, config=config), type(record))
    assert text == f"a {type(record).__name__} '{record.name}' whose config is no pydantic model"


@pytest.mark.parametrize("record", [PROVIDER, SERVICE, SECTION], ids=lambda r: type(r).__name__)
def test_a_config_that_would_swallow_a_mistyped_key_is_refused(record: Any) -> None:
    text = unsound(replace(record, config=Ignores), type(record))
    assert text is not None
    assert 'does not refuse unknown keys (extra="forbid")' in text


@pytest.mark.parametrize(
    ("record", "change", "words"),
    [
        (PROVIDER, {"apis": Talks}, "whose apis is no set of contracts"),
        (PROVIDER, {"apis": [Talks]}, "whose apis is no set of contracts"),
        (PROVIDER, {"apis": frozenset({"ChatModel"})}, "whose apis is no set of contracts"),
        (PROVIDER, {"apis": frozenset()}, "whose apis is empty"),
        (PROVIDER, {"optional": {Talks: "talks"}}, "whose optional names 'talks', which is no field of its config"),
        (PROVIDER, {"optional": {"Talks": "base_url"}}, "whose optional has a key that is no contract"),
        (PROVIDER, {"open": None}, "whose open cannot be called"),
        (PROVIDER, {"detect": "OPENAI_API_KEY"}, "whose detect cannot be called"),
        (SERVICE, {"provides": None}, "whose provides is no set of contracts"),
        (SERVICE, {"provides": frozenset()}, "whose provides is empty"),
        (SERVICE, {"requires": ["Database"]}, "whose requires is no set of contracts"),
        (SERVICE, {"open": "open"}, "whose open cannot be called"),
        (SERVICE, {"eager": True}, "whose eager cannot be called"),
        (COMMAND, {"configure": None}, "whose configure cannot be called"),
        (COMMAND, {"run": "run"}, "whose run cannot be called"),
        (COMMAND, {"run": None, "on_rail": "run"}, "whose on_rail cannot be called"),
        (COMMAND, {"run": None}, "'hello' that has no run and on_rail"),
        (COMMAND, {"on_rail": _count}, "'hello' that has both run and on_rail"),
        (ROUTE, {"method": "BREW"}, "with the method 'BREW'"),
        (ROUTE, {"method": "get"}, "with the method 'get'"),
        (ROUTE, {"path": "v1/hello"}, "whose path 'v1/hello' does not begin with '/'"),
        (ROUTE, {"path": None}, "whose path None does not begin with '/'"),
        (ROUTE, {"handler": None}, "whose handler cannot be called"),
        (ROUTE, {"body": dict}, "GET /v1/hello/{name} whose body is no wire type"),
        (ROUTE, {"event": "ChatChunk"}, "GET /v1/hello/{name} whose event is no wire type"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(record: Any, change: dict[str, Any], words: str) -> None:
    assert unsound(replace(record, **change), type(record)) == f"a {type(record).__name__} {words}"


def test_every_field_of_a_record_that_must_be_callable_is_looked_at() -> None:
    records: dict[Any, list[str]] = {
        PROVIDER: ["open", "detect"],
        SERVICE: ["open", "eager"],
        COMMAND: ["configure", "run", "on_rail"],
        ROUTE: ["handler"],
    }
    for record, fields in records.items():
        for field in fields:
            assert unsound(replace(record, **{field: 3}), type(record)), (type(record), field)


@pytest.mark.parametrize("name", ["a", "gpu0", "openai-compatible", "A.b_c-d", "0", "x" * 64])
def test_usual_names_are_names(name: str) -> None:
    assert NAME.fullmatch(name)

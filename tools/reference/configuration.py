"""``docs/reference/configuration.md``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePath
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dinrail_core.host.dispatch.settings import LimitSettings, ModelSettings
from dinrail_core.host.settings import Settings
from tools.reference.docstrings import attribute_docs, cell, first_sentence
from tools.reference.schema import type_of
from tools.reference.tree import Tree

__all__ = ["Key", "all_keys", "configuration_page", "keys_of"]

_INTRODUCTION = """\
# Configuration

`dinrail.toml` in the working directory, or the file that `--config` or the variable `DINRAIL_CONFIG` names. Variables
override the file, flags override variables. An unknown key, a bad value or a missing secret stops the start with one
line that names the key; `dinrail config check` says the same without starting, `dinrail config show` prints what is
in force.

- A variable's name is `DINRAIL_` and the key's path in capitals, `__` between its parts, `_` where a name has `-`. A
  value that begins with `[` or `{` is read as JSON: `DINRAIL_PLUGINS__ENABLE='["acme"]'`.
- A *secret* is named and not written down: `{ env = "NAME" }`, `{ file = "PATH" }`, or a variable of the key itself.
- NAME stands for a name that the operator chooses.
"""


@dataclass(frozen=True)
class Key:
    """A key of the configuration.

    Attributes:
        path: Its path, dotted; a name that the operator chooses is ``NAME``.
        kind: Its type in words.
        default: Its default as TOML writes it, ``required``, or empty where there is none.
        meaning: One or two sentences.
        below: The model of the table that it is, where it is one with keys of its own, and the path of that table.
    """

    path: str
    kind: str
    default: str
    meaning: str
    below: tuple[type[BaseModel], str] | None

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return "DINRAIL_" + "__".join(part.upper().replace("-", "_") for part in self.path.split("."))


_TYPE = Key("providers.NAME.type", "string", "required", "Which kind of provider it is.", None)

_ABOUT_INSTANCES = """\
An instance of a provider. NAME begins the ids of its models; it has letters, digits, `.`, `_` and `-`. What other
keys there are depends on `type`.
"""

_ABOUT_MODELS = """\
NAME is a name of the operator's own, or the id of a model. A target is a model id, or a table with `model` and `weight`
(a positive number, `1.0` where not given).
"""

_ABOUT_LIMITS = """\
How much is asked of an instance, whatever its type. Without this table, as much as comes.
"""


def configuration_page(tree: Tree) -> str:
    """Every key of the core, of sections, of services, and of each provider type."""
    parts = [_INTRODUCTION, "## The core", *_tables(Settings, "")]
    for distribution, section in tree.sections:
        parts += [f"## `[{section.name}]`", f"From `{distribution}`.", *_tables(section.config, section.name)]
    for distribution, service in tree.services:
        path = f"services.{service.name}"
        parts += [f"## `[{path}]`", f"{service.summary}. From `{distribution}`.", *_tables(service.config, path)]
    parts += ["## `[models.NAME]`", f"{first_sentence(ModelSettings.__doc__)} {_ABOUT_MODELS}"]
    parts += _tables(ModelSettings, "models.NAME")
    parts += ["## `[providers.NAME]`", _ABOUT_INSTANCES, "\n".join(_rows([_TYPE]))]
    parts += ["### `[providers.NAME.limits]`", _ABOUT_LIMITS, *_tables(LimitSettings, "providers.NAME.limits")]
    for distribution, record in tree.providers:
        parts += [
            f'## `[providers.NAME]` with `type = "{record.name}"`',
            f"{record.summary}. From `{distribution}`. {first_sentence(record.config.__doc__)}",
            *_tables(record.config, "providers.NAME"),
        ]
    return "\n\n".join(parts)


def all_keys(tree: Tree) -> list[Key]:
    """Every key that there is, tables with keys of their own included."""
    roots: list[tuple[type[BaseModel], str]] = [(Settings, ""), (ModelSettings, "models.NAME")]
    roots.append((LimitSettings, "providers.NAME.limits"))
    roots += [(section.config, section.name) for _, section in tree.sections]
    roots += [(service.config, f"services.{service.name}") for _, service in tree.services]
    roots += [(record.config, "providers.NAME") for _, record in tree.providers]
    found = [_TYPE]
    for model, path in roots:
        below = keys_of(model, path)
        while below:
            found += below
            below = [key for parent in below if parent.below is not None for key in keys_of(*parent.below)]
    return found


def keys_of(model: type[BaseModel], path: str) -> list[Key]:
    """The keys of one table, without those of tables below it."""
    documented = attribute_docs(model)
    schema = model.model_json_schema()
    return [
        Key(
            path=f"{path}.{name}" if path else name,
            kind=type_of(schema["properties"][name], schema.get("$defs", {})),
            default=_default(field),
            meaning=documented.get(attribute, ""),
            below=_below(field.annotation, f"{path}.{name}" if path else name),
        )
        for attribute, field in model.model_fields.items()
        for name in (field.alias or attribute,)
        if not field.exclude
    ]


def _tables(model: type[BaseModel], path: str) -> Iterator[str]:
    """The table of a model's keys, and those of the tables below it."""
    keys = keys_of(model, path)
    yield "\n".join(_rows(keys))
    for key in keys:
        if key.below is not None:
            below, where = key.below
            yield f"### `[{where}]`\n\n{first_sentence(below.__doc__).removeprefix(f'`[{where}]`: ')}"
            yield from _tables(below, where)


def _rows(keys: Iterable[Key]) -> Iterator[str]:
    yield "| key | type | default | meaning | variable |"
    yield "|---|---|---|---|---|"
    for key in keys:
        name, default = key.path.rpartition(".")[2], key.default
        default = f"`{cell(default)}`" if default not in ("", "required") else default
        yield f"| `{name}` | {cell(key.kind)} | {default} | {cell(key.meaning)} | `{key.variable}` |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel):
        return ""
    return _literal(value)


def _literal(value: Any) -> str:
    if isinstance(value, PurePath):
        return json.dumps(str(value))
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_literal(item)}" for key, item in value.items()) + " }" if value else "{}"
    if isinstance(value, set | frozenset):
        return "[" + ", ".join(sorted(map(_literal, value))) + "]"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, Enum):
        return _literal(value.value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _below(annotation: Any, path: str) -> tuple[type[BaseModel], str] | None:
    """The one model inside a type, however it is wrapped, and the path of its table."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, path
    inside = f"{path}.NAME" if get_origin(annotation) is dict else path
    return next((found for part in get_args(annotation) if (found := _below(part, inside)) is not None), None)

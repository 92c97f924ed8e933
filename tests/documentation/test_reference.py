"""The reference is what the code says, and it leaves nothing out."""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from markdown_pages import ROOT
from pydantic import BaseModel
from tools.reference.configuration import all_keys
from tools.reference.contracts import contracts
from tools.reference.pages import pages
from tools.reference.tree import Tree

from dinrail_core import errors, hooks
from dinrail_core.api.chat.contract import ChatModel
from dinrail_core.api.embeddings import Embedder
from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.cli.program import command_line
from dinrail_core.errors import DinrailError
from dinrail_core.hooks import specs
from dinrail_core.host import Settings


def stale(wanted: Mapping[str, str], root: Path) -> list[str]:
    """The pages that are not what the code says now."""
    return [
        path
        for path, text in wanted.items()
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != text
    ]


def reference(name: str) -> str:
    return (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8")


def test_the_pages_are_what_the_code_says() -> None:
    assert stale(pages(), ROOT) == [], "run: make docs"


def test_a_page_that_is_not_what_the_code_says_is_found(tmp_path: Path) -> None:
    (tmp_path / "same.md").write_text("as it is\n")
    (tmp_path / "other.md").write_text("as it was\n")
    wanted = {"same.md": "as it is\n", "other.md": "as it is\n", "missing.md": "new\n"}
    assert stale(wanted, tmp_path) == ["other.md", "missing.md"]


def test_every_hook_with_its_signature_and_every_record_is_there() -> None:
    page = reference("hooks")
    for name in specs.__all__:
        returns = inspect.signature(getattr(specs, name)).return_annotation
        assert f"def {name}() -> {returns}: ..." in page
    kinds = [name for name in hooks.__all__ if isinstance(getattr(hooks, name), type)]
    assert [name for name in kinds if f"### `{name}`" not in page] == []


def test_every_vector_index_and_what_it_does_not_hold_is_there(tree: Tree) -> None:
    page = reference("vector-backends")
    indexes = [record.name for _, record in tree.providers if VectorIndex in record.apis]
    assert len(indexes) >= 7
    assert [name for name in indexes if f"| [`{name}`](" not in page] == []
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| [")]
    assert [row[0] for row in rows if not row[1].strip()] == [], "every test class says what it runs against"
    assert [row[0] for row in rows if row[2].split(" of ")[0] != row[2].split(" of ")[1] and row[5] == "- |"] == []
    assert [row[0] for row in rows if not 0 < int(row[3]) <= int(row[2].split(" of ")[0])] == [], "each is tried often"


def test_every_provider_of_chats_or_embeddings_and_what_it_does_not_hold_is_there(tree: Tree) -> None:
    page = reference("providers")
    table, _, reasons = page.partition("## What does not hold")
    rows = {line.split("`")[1]: line.split(" | ") for line in table.splitlines() if line.startswith("| [`")}
    assert [name for name, row in rows.items() if "F" not in "".join(row[1:]) and "E" not in "".join(row[1:])] == []
    models = {record.name for _, record in tree.providers if record.apis & {ChatModel, Embedder}}
    assert models - rows.keys() == set(), "a provider's tests derive from the suites of its contracts"
    short = [name for name, row in rows.items() if " of " in row[-1]]
    assert [name for name in short if f"- **{name}**: " not in reasons] == [], "what does not hold has a reason"


def test_every_operation_is_there(tree: Tree) -> None:
    page = reference("routes")
    assert [r.path for _, r in tree.routes if f"| `{r.method} {r.path}` | {r.summary} |" not in page] == []


def fields(model: type[BaseModel]) -> Iterator[str]:
    """The names of a model's keys and of those below, read from its schema and not as the page's author does."""
    schema = model.model_json_schema(mode="serialization")
    for part in [schema, *schema.get("$defs", {}).values()]:
        yield from part.get("properties", {})


def test_every_key_of_the_configuration_is_there(tree: Tree) -> None:
    page = reference("configuration")
    sections = re.split(r"^## ", page, flags=re.MULTILINE)
    owners: dict[str, type[BaseModel]] = {"The core": Settings}
    owners |= {f"`[{section.name}]`": section.config for _, section in tree.sections}
    owners |= {f"`[services.{service.name}]`": service.config for _, service in tree.services}
    assert "| `type` | string | required |" in page
    owners |= {f'`[providers.NAME]` with `type = "{r.name}"`': r.config for _, r in tree.providers}
    for title, model in owners.items():
        (section,) = [part for part in sections if part.startswith(f"{title}\n")]
        assert [name for name in fields(model) if f"| `{name}` |" not in section] == [], title


def test_every_key_says_what_it_means(tree: Tree) -> None:
    assert [key.path for key in all_keys(tree) if not key.meaning] == []


def test_every_provider_and_service_says_what_it_is(tree: Tree) -> None:
    summaries = {record.name: record.summary for _, record in tree.providers}
    summaries |= {service.name: service.summary for _, service in tree.services}
    assert [name for name, summary in summaries.items() if not summary] == []


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices
            for below in action.choices.values():
                yield from options(below)
        elif action.help != argparse.SUPPRESS:
            yield from action.option_strings


def test_every_command_and_option_is_there(tree: Tree) -> None:
    page = reference("cli")
    words = set(options(command_line(tree.plugins))) - {"-h", "--help"}
    assert {"serve", "--port"} <= words
    assert [word for word in sorted(words) if not re.search(rf"(?<![\w-]){word}(?![\w-])", page)] == []


def test_every_error_and_its_code_is_there() -> None:
    page = reference("errors")
    server = vars(importlib.import_module("dinrail_server.errors")).values()
    kinds = [kind for kind in (*vars(errors).values(), *server) if isinstance(kind, type)]
    for kind in kinds:
        if issubclass(kind, DinrailError):
            assert f"`{kind.__name__}` | `{kind.code}` |" in page


@pytest.mark.parametrize("code", ["host_not_allowed", "invalid_json"])
def test_codes_given_where_an_error_is_raised_are_there(code: str) -> None:
    assert f"| `{code}` |" in reference("errors")


def test_every_contract_and_its_methods_are_there(tree: Tree) -> None:
    page = reference("contracts")
    for kind in contracts(tree):
        (section,) = re.findall(rf"^## `{kind.__name__}`\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        methods: frozenset[str] = getattr(kind, "__abstractmethods__")  # noqa: B009  # mypy does not know it
        assert [name for name in methods if f"def {name}(" not in section] == []

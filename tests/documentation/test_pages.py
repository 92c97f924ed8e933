"""Every page: its links lead somewhere, and what it tells the reader to write is accepted by the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from checks import (
    LINK,
    broken_links,
    forbidden_words,
    make_targets,
    unknown_codes,
    unknown_keys,
    unknown_variables,
    unsound_commands,
    unsound_python,
    unsound_toml,
)
from markdown_pages import ROOT, all_pages, blocks
from pydantic import BaseModel
from tools.reference.tree import Tree

PAGES = all_pages()
LANGUAGES = {"console", "ini", "json", "make", "nginx", "python", "sh", "text", "toml", "yaml"}


@pytest.fixture(params=PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def page(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_its_links_lead_somewhere(page: Path, text: str) -> None:
    assert broken_links(page, text) == []


def test_its_python_compiles(text: str) -> None:
    assert unsound_python(text) == []


def test_its_configuration_is_accepted(text: str, tree: Tree) -> None:
    assert unsound_toml(text, tree) == []


def test_its_commands_exist(text: str, tree: Tree) -> None:
    assert unsound_commands(text, tree, make_targets()) == []


def test_its_variables_exist(text: str, tree: Tree) -> None:
    assert unknown_variables(text, tree) == []


def test_the_errors_that_it_names_exist(text: str, tree: Tree) -> None:
    assert unknown_codes(text, tree) == []


def test_it_names_no_machine_and_no_registry(text: str) -> None:
    assert forbidden_words(text) == []


def test_its_blocks_say_what_they_are(text: str) -> None:
    assert [f"line {block.line}" for block in blocks(text) if block.language not in LANGUAGES] == []


def test_the_keys_on_a_plugins_page_exist(tree: Tree) -> None:
    for member in tree.members:
        page = ROOT / member.folder / "README.md"
        name = member.project["name"]
        configs = [record.config for owner, record in tree.providers if owner == name]
        configs += [record.config for owner, record in tree.services if owner == name]
        configs += [record.config for owner, record in tree.sections if owner == name]
        keys = {key for config in configs for key in fields(config)}
        assert unknown_keys(page.read_text(encoding="utf-8"), keys) == [], name


def fields(model: type[BaseModel]) -> set[str]:
    """The names of a model's keys and of those in tables below."""
    schema = model.model_json_schema()
    return {name for part in [schema, *schema.get("$defs", {}).values()] for name in part.get("properties", {})}


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        targets = [page.parent / target for target in links(page.read_text(encoding="utf-8"))]
        targets += [file for folder in targets if folder.is_dir() for file in folder.glob("*.md")]
        waiting += [target.resolve() for target in targets if target.suffix == ".md" and target.exists()]
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in seen] == []


def links(text: str) -> list[str]:
    return [target.partition("#")[0] for target in LINK.findall(text) if ":" not in target]

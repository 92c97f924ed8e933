"""Every page: its links lead somewhere, and what it tells the reader to write is accepted by the program."""

from __future__ import annotations

from pathlib import Path

import pytest
from checks import (
    broken_links,
    forbidden_words,
    make_targets,
    unknown_variables,
    unsound_commands,
    unsound_python,
    unsound_toml,
)
from markdown_pages import ROOT, all_pages, blocks
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


def test_it_names_no_machine_and_no_registry(text: str) -> None:
    assert forbidden_words(text) == []


def test_its_blocks_say_what_they_are(text: str) -> None:
    assert [f"line {block.line}" for block in blocks(text) if block.language not in LANGUAGES] == []


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
    from checks import _LINK

    return [target.partition("#")[0] for target in _LINK.findall(text) if ":" not in target]

"""Each check of the pages finds the fault that it is there for, and lets pass what is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from checks import (
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
from markdown_pages import blocks, prose
from tools.reference.tree import Tree


def fenced(language: str, text: str) -> str:
    return f"Text.\n\n```{language}\n{text}\n```\n\nMore."


@pytest.mark.parametrize("target", ["there.md", "there.md#the-second-one", "#here", "https://example.com/x"])
def test_links_that_lead_somewhere_pass(target: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Here\n[text]({target})")
    (tmp_path / "there.md").write_text("# First\n## The `second` one!\n")
    assert broken_links(page, page.read_text(), tmp_path) == []


@pytest.mark.parametrize("target", ["missing.md", "there.md#third", "#nowhere", "../outside.md"])
def test_links_that_lead_nowhere_are_found(target: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "outside.md").write_text("")
    (root / "there.md").write_text("# First\n```text\n# Third\n```\n")
    assert len(broken_links(root / "page.md", f"[text]({target})", root) if target[0] != "#" else anchors(root)) == 1


def anchors(root: Path) -> list[str]:
    page = root / "page.md"
    page.write_text("# Here\n[text](#nowhere)")
    return broken_links(page, page.read_text(), root)


def test_python_that_does_not_compile_is_found() -> None:
    assert unsound_python(fenced("python", "answer = await call()\nprint(answer)")) == []
    assert unsound_python(fenced("python", "x = 1\ny = (2")) != []


GOOD_TOML = [
    "[server]\nport = 1",
    '[providers.gpu0]\ntype = "openai-compatible"\nbase_url = "http://h/v1"\napi_key = { env = "UNSET_KEY" }',
    '[providers.gpu0]\ntype = "openai-compatible"\nbase_url = "http://h/v1"\napi_key = { file = "key.txt" }',
    '[plugins]\nenable = ["acme"]',
    '[project]\nname = "acme"',
]
BAD_TOML = [
    "[server\n",
    "[server]\nprot = 1",
    "[server]\nport = 70000",
    '[providers.gpu0]\ntype = "openai-compatibel"',
    '[providers.gpu0]\ntype = "openai-compatible"\nurl = "http://h/v1"',
    "[servre]\nport = 1",
    '[services.nothing]\nurl = "x"',
]


@pytest.mark.parametrize("text", GOOD_TOML)
def test_configuration_that_is_right_passes(text: str, tree: Tree) -> None:
    assert unsound_toml(fenced("toml", text), tree) == []


@pytest.mark.parametrize("text", BAD_TOML)
def test_configuration_that_would_be_refused_is_found(text: str, tree: Tree) -> None:
    assert len(unsound_toml(fenced("toml", text), tree)) == 1


GOOD_COMMANDS = [
    fenced("console", "$ DINRAIL_SERVER__PORT=1 .venv/bin/dinrail serve --port 0\nDinrail listening"),
    fenced("console", "$ cat notes.txt | dinrail chat 'Sum up:' && make test  # all"),
    fenced("console", "$ dinrail config \\\n    check"),
    fenced("sh", "dinrail plugins freeze > requirements.txt"),
    "`dinrail models pull NAME`, `make bench`",
]
BAD_COMMANDS = [
    fenced("console", "$ dinrail start"),
    fenced("console", "$ dinrail serve --prot 1"),
    fenced("console", "$ true; dinrail models fetch x"),
    fenced("console", "$ make everything"),
    fenced("sh", "dinrail serve \\\n  --nothing"),
    "`dinrail modles`",
    "`make benchmark`",
]


@pytest.mark.parametrize("text", GOOD_COMMANDS)
def test_commands_that_there_are_pass(text: str, tree: Tree) -> None:
    assert unsound_commands(text, tree, make_targets()) == []


@pytest.mark.parametrize("text", BAD_COMMANDS)
def test_commands_that_there_are_not_are_found(text: str, tree: Tree) -> None:
    assert len(unsound_commands(text, tree, make_targets())) == 1


def test_variables_that_nothing_reads_are_found(tree: Tree) -> None:
    good = (
        "DINRAIL_CONFIG DINRAIL_SERVER__PORT DINRAIL_SERVER__TLS__KEY DINRAIL_PROVIDERS__GPU0__BASE_URL DINRAIL_ALIASES"
    )
    assert unknown_variables(good, tree) == []
    bad = "DINRAIL_KONFIG DINRAIL_SERVER__PROT DINRAIL_SERVER_PORT DINRAIL_PROVIDERS__GPU0__BASE_ULR"
    assert len(unknown_variables(bad, tree)) == 4


def test_errors_that_there_are_not_are_found(tree: Tree) -> None:
    assert unknown_codes("404 `model_not_found`, 400 `too_deep`, 403 (`host_not_allowed`)", tree) == []
    assert len(unknown_codes("400 `model_not_found`, 404 `model_missing`", tree)) == 2


def test_keys_that_there_are_not_are_found() -> None:
    table = "| key | default | |\n|---|---|---|\n| `port`, `host` | 1 | `nothing` |\n| `prot` | 2 | |\n"
    assert unknown_keys(f"{table}\n| other |\n|---|\n| `x` |\n", {"port", "host"}) == ["there is no key prot"]


@pytest.mark.parametrize("text", ["`/home/" + "somebody/x`", "see /ro" + "ot/x", "py" + "pi.org", "cd /t" + "mp/x"])
def test_machines_and_registries_are_found(text: str) -> None:
    assert len(forbidden_words(text)) == 1


def test_words_that_only_look_like_them_pass() -> None:
    assert forbidden_words("the work/ folder, ~/.local, https://app.example.com/home/, $HOME/tmp/x") == []


def test_blocks_are_cut_out_of_a_page_as_they_stand() -> None:
    text = "# One\n\n- item\n\n  ```python file=a/b.py\n  x = 1\n\n  y = 2\n  ```\n\n````text\n```\n````\nlast"
    first, second = blocks(text)
    assert (first.language, first.file, first.text, first.line) == ("python", "a/b.py", "x = 1\n\ny = 2\n", 5)
    assert (second.language, second.text) == ("text", "```\n")
    assert prose(text).split() == ["#", "One", "-", "item", "last"]

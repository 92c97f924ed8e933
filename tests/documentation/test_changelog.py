"""The change log is made of fragments."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_pages import ROOT
from tools.changelog import main, read_fragments, section


def folder(root: Path, **files: str) -> Path:
    (root / "changelog.d").mkdir()
    for name, text in files.items():
        (root / "changelog.d" / name.replace("__", ".").replace("_", "-")).write_text(text)
    return root / "changelog.d"


def test_every_fragment_of_the_tree_can_be_read() -> None:
    read_fragments(ROOT / "changelog.d")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("thing__improved__md", "A kind that there is not."),
        ("thing__txt", "No fragment at all."),
        ("thing__fixed__md", ""),
        ("thing__fixed__md", "- A bullet of its own."),
        ("thing__fixed__md", "no sentence"),
    ],
)
def test_what_is_no_fragment_is_refused(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a fragment is"):
        read_fragments(folder(tmp_path, **{name: text}))


def test_a_section_has_the_kinds_in_order_and_keeps_paragraphs_together(tmp_path: Path) -> None:
    fragments = read_fragments(
        folder(tmp_path, b__fixed__md="Mended.", a__added__md="New,\nand long.", c__fixed__md="M.")
    )
    assert section(fragments) == "### Added\n\n- New,\n  and long.\n\n### Fixed\n\n- Mended.\n- M."


def test_a_release_moves_fragments_into_the_log_above_older_versions(tmp_path: Path) -> None:
    fragments = folder(tmp_path, new_thing__added__md="New.")
    log = tmp_path / "CHANGELOG.md"
    log.write_text("# Changes\n\n<!-- versions -->\n\n## 0.1.0 · 2026-01-01\n\nOld.\n")
    assert main(["0.2.0"], tmp_path) == 0
    text = log.read_text()
    assert text.index("## 0.2.0 · ") < text.index("- New.") < text.index("## 0.1.0 · 2026-01-01")
    assert list(fragments.iterdir()) == []


@pytest.mark.parametrize("version", ["0.1.0", "next"])
def test_a_version_that_is_there_or_is_none_changes_nothing(version: str, tmp_path: Path) -> None:
    folder(tmp_path, new__added__md="New.")
    log = tmp_path / "CHANGELOG.md"
    log.write_text("<!-- versions -->\n\n## 0.1.0 · 2026-01-01\n")
    with pytest.raises(SystemExit):
        main([version], tmp_path)
    assert (log.read_text(), len(list((tmp_path / "changelog.d").iterdir()))) == (
        "<!-- versions -->\n\n## 0.1.0 · 2026-01-01\n",
        1,
    )

"""A provider that is found by variables of the environment says on its page which ones."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress

import pytest
from tools.reference.pages import ROOT
from tools.reference.tree import Tree

NAMES = [record.name for _, record in Tree(ROOT).providers if record.detect is not None]


class Noted(Mapping[str, str]):
    """An environment that notes what is looked for, with nothing in it or with everything."""

    def __init__(self, *, full: bool) -> None:
        self.looked_for: set[str] = set()
        self._full = full

    def __getitem__(self, name: str) -> str:
        self.looked_for.add(name)
        if self._full:
            return "something"
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


@pytest.mark.parametrize("name", NAMES)
def test_the_page_names_every_variable_by_which_a_provider_is_found(tree: Tree, name: str) -> None:
    (detect,) = [record.detect for _, record in tree.providers if record.name == name]
    assert detect is not None
    page = (ROOT / "plugins" / name / "README.md").read_text(encoding="utf-8")
    looked_for: set[str] = set()
    for full in (False, True):
        environment = Noted(full=full)
        with suppress(ValueError):  # what is there need not be what it should be
            detect(environment)
        looked_for |= environment.looked_for
    assert [one for one in sorted(looked_for) if not re.search(rf"\b{one}\b", page)] == []

"""Lets the tests import the checks beside them, and the programs of ``tools``."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2])]

from tools.reference.pages import ROOT  # noqa: E402  # found by the line above
from tools.reference.tree import Tree  # noqa: E402  # likewise


@pytest.fixture(scope="session")
def tree() -> Tree:
    return Tree(ROOT)

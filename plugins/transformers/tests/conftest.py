from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_models import make_embedder, make_speaker


@pytest.fixture(scope="session")
def speaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama that has learned its lessons by heart."""
    return make_speaker(tmp_path_factory.mktemp("speaker"))


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with random weights."""
    return make_embedder(tmp_path_factory.mktemp("embedder"))

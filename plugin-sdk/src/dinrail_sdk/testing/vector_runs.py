"""Which cases of a long suite belong to every run.

In a ``conftest.py``::

    from dinrail_sdk.testing.vector_runs import pytest_collection_modifyitems
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dinrail_sdk.testing.suites.vector_search import ESSENTIAL

__all__ = ["ESSENTIAL", "pytest_collection_modifyitems"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark what is left out of ``every_run`` as ``soak``, before that is looked at."""
    for item in items:
        if isinstance(item, pytest.Function) and item.cls is not None:
            wanted = getattr(item.cls, "every_run", None)
            if wanted is not None and item.name.removeprefix("test_") not in wanted:
                item.add_marker(pytest.mark.soak)

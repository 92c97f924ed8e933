"""The suite of vector indexes passes the right one and catches the wrong ones."""

from __future__ import annotations

from typing import ClassVar

import pytest
from honest_index import HonestIndex, IndexConfig, index_type
from wrong_index import WRONG_INDEXES

from dinrail_core.api.vector_index import VectorIndex
from dinrail_core.hooks import ProviderType
from dinrail_sdk.testing import FakeUpstream, VectorIndexSuite
from dinrail_sdk.testing.suite import cases_of

CASES = {case.name: case for case in cases_of(VectorIndexSuite)}


class TestHonestIndex(VectorIndexSuite):
    provider: ClassVar[ProviderType] = index_type(HonestIndex)

    def config(self, upstream: FakeUpstream) -> IndexConfig:
        return IndexConfig()


@pytest.mark.parametrize(("kind", "case"), WRONG_INDEXES, ids=lambda value: getattr(value, "__name__", value))
async def test_a_wrong_index_is_caught(kind: type[HonestIndex], case: str) -> None:
    apis = getattr(kind, "declared", frozenset({VectorIndex}))
    suite = type("Examined", (TestHonestIndex,), {"provider": index_type(kind, apis)})()
    with pytest.raises((AssertionError, pytest.fail.Exception)) as caught:
        await suite.perform(CASES[case])
    assert str(caught.value), "The failure says nothing."


def test_forty_wrong_indexes_show_that_each_case_can_fail() -> None:
    assert len({kind for kind, _ in WRONG_INDEXES}) >= 40
    assert not CASES.keys() - {case for _, case in WRONG_INDEXES}

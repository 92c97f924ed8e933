"""The suite of model libraries passes the right one and catches the wrong ones."""

from __future__ import annotations

from typing import ClassVar

import pytest
from honest_library import HonestLibrary, library_type
from honest_provider import ABANDONED, HonestConfig
from wrong_library import WRONG_LIBRARIES

from dinrail_core.api.provider import ModelLibrary
from dinrail_core.hooks import ProviderType
from dinrail_sdk.testing import FakeUpstream, ModelLibrarySuite
from dinrail_sdk.testing.suite import cases_of

CASES = {case.name: case for case in cases_of(ModelLibrarySuite)}


class TestHonestLibrary(ModelLibrarySuite):
    provider: ClassVar[ProviderType] = library_type(HonestLibrary)

    def config(self, upstream: FakeUpstream) -> HonestConfig:
        return HonestConfig.model_validate({"base_url": upstream.url, "api_key": "sk-configured-0123456789"})


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("kind", "case"), WRONG_LIBRARIES, ids=lambda value: getattr(value, "__name__", value))
async def test_a_wrong_library_is_caught(kind: type[HonestLibrary], case: str) -> None:
    apis = getattr(kind, "declared", frozenset({ModelLibrary}))
    suite = type("Examined", (TestHonestLibrary,), {"provider": library_type(kind, apis)})()
    try:
        with pytest.raises(AssertionError) as caught:
            await suite.perform(CASES[case])
    finally:
        while ABANDONED:
            await ABANDONED.pop().close()
    assert str(caught.value), "The failure says nothing."


def test_fifteen_wrong_libraries_show_that_each_case_can_fail() -> None:
    assert len({kind for kind, _ in WRONG_LIBRARIES}) >= 15
    assert not CASES.keys() - {case for _, case in WRONG_LIBRARIES}

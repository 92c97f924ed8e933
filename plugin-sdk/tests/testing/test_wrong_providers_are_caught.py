"""Every wrong provider is caught by the case that is there for it."""

from __future__ import annotations

import traceback
from collections import Counter

import pytest
import wrong_answers  # noqa: F401 - each of these modules registers its providers
import wrong_chat  # noqa: F401 registers its providers
import wrong_chat_requests  # noqa: F401 registers its providers
import wrong_chat_tools  # noqa: F401 registers its providers
import wrong_conduct  # noqa: F401 registers its providers
import wrong_embeddings  # noqa: F401 registers its providers
import wrong_engine  # noqa: F401 registers its providers
import wrong_models  # noqa: F401 registers its providers
import wrong_moderations  # noqa: F401 registers its providers
import wrong_refusals  # noqa: F401 registers its providers
import wrong_rerank  # noqa: F401 registers its providers
import wrong_streams  # noqa: F401 registers its providers
import wrong_text  # noqa: F401 registers its providers
from honest_provider import ABANDONED, HonestConfig, provider_type
from wrong_provider import ALL, WRONG, Wrong

from dinrail_core.errors import DinrailError
from dinrail_sdk.testing import (
    ChatModelSuite,
    CheckedSuite,
    CompletionModelSuite,
    EmbedderSuite,
    EngineSuite,
    FakeUpstream,
    ModelSourceSuite,
    ModeratorSuite,
    RerankerSuite,
)
from dinrail_sdk.testing.suite import Suite, cases_of

OPERATIONS = {operation.id: operation for operation in ALL}


class EverySuite(
    ChatModelSuite,
    CompletionModelSuite,
    EmbedderSuite,
    RerankerSuite,
    ModeratorSuite,
    ModelSourceSuite,
    CheckedSuite,
    EngineSuite,
):
    def config(self, upstream: FakeUpstream) -> HonestConfig:
        values = {"base_url": upstream.url, "api_key": "sk-configured-0123456789"}
        return self.provider.config.model_validate(values)  # type: ignore[return-value]  # a model of the record's own


CASES = {case.name: case for case in cases_of(EverySuite)}


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_a_wrong_provider_is_caught(wrong: Wrong) -> None:
    suite: Suite = type("Examined", (EverySuite,), {"provider": provider_type(wrong.kind)})()
    operation = OPERATIONS[wrong.operation] if wrong.operation else None
    try:
        with pytest.raises(AssertionError) as caught:
            await suite.perform(CASES[wrong.case], operation)
    finally:
        while ABANDONED:
            await ABANDONED.pop().close()
    assert str(caught.value), "The failure says nothing."
    assert not _stumbled(caught.value), f"The kit itself stumbled: {caught.value}"


def _stumbled(failure: AssertionError) -> bool:
    """Whether the failure comes from an error in the kit's own code, instead of from what it looked for."""
    cause = failure.__cause__
    if cause is None or isinstance(cause, DinrailError | AssertionError):
        return False
    return "dinrail_sdk/testing" in traceback.extract_tb(cause.__traceback__)[-1].filename


def test_every_contract_has_fifteen_wrong_providers_at_least() -> None:
    counts = Counter({wrong.contract: 0 for wrong in WRONG})
    for contract in counts:
        counts[contract] = len({wrong.kind for wrong in WRONG if wrong.contract == contract})
    assert set(counts) == {
        "ChatModel",
        "CompletionModel",
        "Embedder",
        "Reranker",
        "Moderator",
        "ModelSource",
        "Checked",
    }
    assert all(count >= 15 for count in counts.values()), counts


def test_every_case_has_a_wrong_provider_that_it_catches() -> None:
    idle = sorted(CASES.keys() - {wrong.case for wrong in WRONG})
    assert not idle, f"No wrong provider shows that these cases can fail: {idle}"

"""The rules of suites: what a plugin's author may say, what is refused, and how a case is run."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any, ClassVar

import pytest
from _pytest.outcomes import Skipped
from honest_provider import Honest, HonestConfig, provider_type

from dinrail_sdk.testing import (
    ChatModelSuite,
    Dialect,
    EmbedderSuite,
    FakeUpstream,
    ModelSourceSuite,
    OpenAIWire,
    Suite,
    case,
)
from dinrail_sdk.testing.suite import cases_of


class Base(EmbedderSuite):
    provider = provider_type(Honest)

    def config(self, upstream: FakeUpstream) -> HonestConfig:
        return HonestConfig.model_validate({"base_url": upstream.url, "api_key": "sk-0123456789"})


def run(suite: type[Suite], name: str, *operation: Any) -> None:
    getattr(suite(), f"test_{name}")(*operation)


def test_a_case_is_a_plain_test_function_that_needs_no_pytest_plugin() -> None:
    assert not inspect.iscoroutinefunction(EmbedderSuite.test_embedding_order)
    run(Base, "embedding_order")


def test_overriding_a_case_is_refused_by_name() -> None:
    with pytest.raises(
        TypeError, match=r"Mine overrides the case test_embedding_usage of EmbedderSuite; say unsupported"
    ):

        class Mine(Base):
            def test_embedding_usage(self) -> None: ...


def test_setting_a_case_to_none_is_overriding_it() -> None:
    with pytest.raises(TypeError, match="overrides the case test_answer"):

        class Mine(Base):
            test_answer = None  # type: ignore[assignment]  # what the test is about


def test_a_mixin_cannot_override_a_case_either() -> None:
    class Mixin:
        def test_embedding_order(self) -> None: ...

    with pytest.raises(TypeError, match="overrides the case test_embedding_order"):

        class Mine(Mixin, Base):
            pass


def test_how_cases_are_run_cannot_be_overridden() -> None:
    with pytest.raises(TypeError, match="overrides the case perform"):

        class Mine(Base):
            async def perform(self, *arguments: Any) -> None: ...


def test_cases_of_ones_own_may_be_added() -> None:
    class Mine(Base):
        def test_something_else(self) -> None: ...

        @case()
        async def test_like_the_others(self, bench: Any) -> None:
            """It holds.

            Troubleshooting: nothing.
            """
            assert bench.scripted

    run(Mine, "like_the_others")
    assert "like_the_others" in {one.name for one in cases_of(Mine)}


def test_a_case_without_a_note_on_troubleshooting_is_refused() -> None:
    with pytest.raises(TypeError, match="Troubleshooting"):

        @case()
        async def test_it(self: Any, bench: Any) -> None:
            """It holds."""


@pytest.mark.parametrize("name", ["embedding_usage", "upstream_key", "answer[embeddings]", "answer"])
def test_opting_out_of_a_case_or_a_feature_skips_it_with_the_reason(name: str) -> None:
    class Mine(Base):
        unsupported: ClassVar[dict[str, str]] = {name: "it is of no use here"}

    case_name = {"upstream_key": "callers_key"}.get(name, name.partition("[")[0])
    operation = [one for one in Mine.operations() if case_name != "embedding_usage"]
    with pytest.raises(Skipped, match="it is of no use here"):
        run(Mine, case_name, *operation)


def test_opting_out_of_what_does_not_exist_is_refused_with_what_is_near() -> None:
    with pytest.raises(TypeError, match=r"'embedding_usages', which is no case or feature .*embedding_usage"):

        class Mine(Base):
            unsupported: ClassVar[dict[str, str]] = {"embedding_usages": "a slip"}


def test_a_feature_of_another_contract_does_not_exist_here() -> None:
    with pytest.raises(TypeError, match="'logprobs', which is no case or feature"):

        class Mine(Base):
            unsupported: ClassVar[dict[str, str]] = {"logprobs": "there are none"}


@pytest.mark.parametrize("reason", ["", "  "])
def test_opting_out_without_a_reason_is_refused(reason: str) -> None:
    with pytest.raises(TypeError, match="gives no reason for 'dimensions'"):

        class Mine(Base):
            unsupported: ClassVar[dict[str, str]] = {"dimensions": reason}


def test_what_the_dialect_has_no_words_for_is_skipped() -> None:
    class Plain(OpenAIWire):
        name = "Plain"
        lacks: ClassVar[dict[str, str]] = {"dimensions": "it has no such field"}

    class Mine(Base):
        dialect: ClassVar[Dialect | None] = Plain()

    with pytest.raises(Skipped, match="Plain's dialect has no words for it"):
        run(Mine, "embedding_dimensions")
    run(Mine, "embedding_usage")


def test_without_an_upstream_what_needs_a_script_is_skipped() -> None:
    class Mine(Base):
        dialect: ClassVar[Dialect | None] = None

    with pytest.raises(Skipped, match="there is no upstream"):
        run(Mine, "embedding_usage")


def test_without_an_upstream_there_is_no_address_to_configure() -> None:
    class Mine(Base):
        dialect: ClassVar[Dialect | None] = None

    with pytest.raises(AssertionError, match="`dialect = None`"):
        run(Mine, "embedding_order")


def test_a_failure_carries_the_note_of_its_case() -> None:
    class Reversed(Honest):
        def edit_answer(self, data: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
            return data | {"data": data["data"][::-1]}

    class Mine(Base):
        provider = provider_type(Reversed)

    with pytest.raises(AssertionError, match="the indexes are") as caught:
        run(Mine, "embedding_order")
    assert "Troubleshooting: batches" in "".join(caught.value.__notes__)


def test_what_a_provider_raises_instead_of_answering_is_named() -> None:
    class Raises(Honest):
        def payload(self, request: Any) -> dict[str, Any]:
            raise LookupError("no such thing")

    class Mine(Base):
        provider = provider_type(Raises)

    with pytest.raises(AssertionError, match="An answer is due, and the provider raised LookupError: no such thing"):
        run(Mine, "embedding_order")


def test_a_timeout_that_a_provider_raises_is_not_taken_for_hanging() -> None:
    class Raises(Honest):
        def payload(self, request: Any) -> dict[str, Any]:
            raise TimeoutError("too slow")

    class Mine(Base):
        provider = provider_type(Raises)

    with pytest.raises(AssertionError, match="the provider raised TimeoutError: too slow"):
        run(Mine, "embedding_order")


def test_a_provider_that_hangs_is_said_to_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs(Honest):
        async def send(self, *arguments: Any) -> bytes:
            await asyncio.Event().wait()
            return b""

    class Mine(Base):
        provider = provider_type(Hangs)
        case_limit = 0.1

    monkeypatch.setattr(Hangs, "patience", lambda self, call: None)
    with pytest.raises(AssertionError, match=r"The provider hangs: the case did not end within 0\.1 s"):
        run(Mine, "embedding_order")


def test_every_contract_of_a_class_has_its_operations() -> None:
    class Mine(ChatModelSuite, ModelSourceSuite, Base):
        pass

    assert [one.id for one in Mine.operations()] == ["embeddings", "models", "chat.complete", "chat.stream"]


def test_a_suite_without_a_configuration_says_what_is_missing() -> None:
    class Mine(EmbedderSuite):
        provider = provider_type(Honest)

    with pytest.raises(AssertionError, match="Mine must say with which configuration"):
        run(Mine, "embedding_order")


def test_names_of_cases_are_unique_among_contracts_and_notes_are_sentences() -> None:
    for one in cases_of(ChatModelSuite):
        text = inspect.cleandoc(one.body.__doc__ or "")
        assert text.split("\n")[0].endswith("."), one.name
        assert text.endswith("."), one.name

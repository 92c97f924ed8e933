"""``docs/reference/providers.md``: which features of models reach clients through each provider, and how that is known.

A case of a suite passes in every test run, or its test class says that it does not apply, and why; so what the
classes say is the result. The same holds for the cases of the agent loop and for the independent fake.
"""

from __future__ import annotations

import importlib.util
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from dinrail_core.api.responses.contract import NativeResponses
from dinrail_core.hooks import ProviderType
from dinrail_sdk.testing import ChatModelSuite, EmbedderSuite, Suite
from dinrail_sdk.testing.suite import Case, cases_of
from tools.reference.suites import suites_of
from tools.reference.tree import Tree

__all__ = ["providers_page"]

_INTRODUCTION = """\
# What works through which provider

Every provider is held to the same suites of the SDK, against a server that speaks as the provider's own documentation
says. The tests fail where a case does, unless the test class says beforehand that it does not apply, and why. This is
what they say; [below](#what-does-not-hold) are the reasons.

| mark | means that it was tested against |
|---|---|
| E | a real engine, in every run |
| (E) | a real engine that is too large for every run, tried apart, by `make engines` or as it says: {engines} |
| I | an independent fake, `@copilotkit/aimock`, which others wrote |
| F | the SDK's own fake |
| - | nothing: the provider does not serve it, or has no words for it |

*Agent loop* runs the same {loop} responses through the real server and every provider of chats: a function and its
result, parallel calls, a second turn that the server takes by itself, an answer by a schema, a stream, thoughts alone
and before a call.
A model in this process, whose answers cannot be scripted, is taught each of them when it is asked.
*Native responses* are for models whose servers speak the Responses API, and are then asked by it. No hosted provider
was called.

"""


@dataclass(frozen=True)
class _Column:
    """A feature, and the case that shows it: of the suites with a fake, with a real engine; of the agent loop."""

    title: str
    case: str
    engine: str | None = None
    loop: str | None = None


_COLUMNS = (
    _Column("stream", "chat_stream_equals_answer", "chat_stream_equals_answer"),
    _Column("tools", "chat_one_call", "engine_named_tool", "function_round_trip"),
    _Column("parallel tools", "chat_parallel_calls", loop="parallel_calls"),
    _Column("JSON schema", "chat_json_schema", "engine_json_schema"),
    _Column("vision", "chat_images"),
    _Column("files", "chat_files"),
    _Column("reasoning", "chat_reasoning", loop="reasoning"),
    _Column("logprobs", "chat_logprobs", "engine_logprobs"),
    _Column("embeddings", "embedding_order", "embedding_order"),
)
_NATIVE, _LOOP = "native responses", "agent loop"
_MARKS = ("E", "(E)", "I", "F")


class _Matrix:
    """The marks of every provider, by its name and the feature."""

    def __init__(self) -> None:
        self.marks: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self.loop: defaultdict[str, set[str]] = defaultdict(set)
        self.gaps: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.told: dict[str, str] = {}

    def add(self, suite: type[Suite], mark: str) -> None:
        """What one test class shows."""
        cases = {this.name: this for this in cases_of(suite)}
        for column in _COLUMNS:
            this = cases.get(column.case if mark == "F" else column.engine or "")
            if this is not None and suite.skipped(this) is None:
                self.marks[suite.provider.name][column.title].add(mark)

    def add_loop(self, suite: type[Suite], cases: tuple[Case, ...], mark: str) -> None:
        """What of the agent loop one test class says that it applies."""
        lacks = {**(suite.dialect.lacks if suite.dialect is not None else {}), **suite.unsupported}
        held = {this.name for this in cases if lacks.keys().isdisjoint({this.name, *this.features})}
        self.loop[suite.provider.name].add(mark if len(held) == len(cases) else f"{mark}, {len(held)} of {len(cases)}")
        for column in _COLUMNS:
            if suite.dialect is None and column.loop in held:
                self.marks[suite.provider.name][column.title].add(mark)

    def row(self, name: str) -> str:
        """The row of a provider."""
        marks = self.marks[name]
        titles = [*(column.title for column in _COLUMNS), _NATIVE]
        cells = [" ".join(mark for mark in _MARKS if mark in marks[title]) or "-" for title in titles]
        cells[-1] += self.told.get(name, "")
        cells.append("; ".join(sorted(self.loop[name])) or "-")
        return f"| [`{name}`](../../plugins/{name}/README.md) | {' | '.join(cells)} |"

    def add_native(self, record: ProviderType) -> None:
        """Whether its responses are asked of the upstream's own API; the agent loop goes both ways."""
        field = record.optional.get(NativeResponses)
        if field is not None:
            self.told[record.name] = f", where `{field}` says so"
        if field is not None or NativeResponses in record.apis:
            self.marks[record.name][_NATIVE].add("F")

    def explain(self, suite: type[Suite]) -> None:
        """Why cases of a test class do not apply."""
        features = {feature for this in cases_of(suite) for feature in this.features}
        told = suite.dialect.lacks if suite.dialect is not None else {}
        lacks = {feature: why for feature, why in told.items() if feature in features}
        for name, why in {**lacks, **suite.unsupported}.items():
            self.gaps[suite.provider.name].setdefault(name, why)


def providers_page(tree: Tree) -> str:
    """A row for each provider of chats or embeddings, and what does not hold."""
    matrix = _Matrix()
    loop = _beside(tree.root / "tests/providers/agent_loop.py").CASES
    for suite in suites_of(tree.root, ChatModelSuite, EmbedderSuite):
        matrix.add(suite, "F" if suite.dialect is not None else "(E)" if suite.against else "E")
        if suite.dialect is not None or suite.against:
            matrix.explain(suite)
        if not issubclass(suite, ChatModelSuite):
            continue
        if suite.dialect is not None:
            matrix.add_loop(suite, loop, "F")
        elif (tree.root / f"plugins/{suite.provider.name}/tests/test_agent_loop.py").is_file():
            matrix.add_loop(suite, loop, "(E)" if suite.against else "E")
    engines = [suite for suite in suites_of(tree.root, Suite, pattern="test_engine.py") if suite.against]
    for engine in engines:
        matrix.add(engine, "(E)")
    for name, feature in _beside(tree.root / "tests/providers/independent.py").features_tried():
        matrix.marks[name][feature].add("I")
    for _, record in tree.providers:
        matrix.add_native(record)
    titles = [column.title for column in _COLUMNS] + [_NATIVE, _LOOP]
    lines = [f"| provider | {' | '.join(titles)} |", f"|---|{'---|' * len(titles)}"]
    lines += [matrix.row(name) for name in sorted(matrix.marks)]
    suites = [*suites_of(tree.root, ChatModelSuite, EmbedderSuite), *engines]
    against = "; ".join(sorted({suite.against for suite in suites if suite.against}))
    return _INTRODUCTION.format(loop=len(loop), engines=against) + "\n".join([*lines, "", *_reasons(matrix)])


def _reasons(matrix: _Matrix) -> Iterator[str]:
    yield "## What does not hold"
    yield ""
    yield "By the names of the suites' cases and features."
    yield ""
    for name in sorted(matrix.gaps):
        gaps = "; ".join(f"`{feature}`: {why}" for feature, why in sorted(matrix.gaps[name].items()))
        yield f"- **{name}**: {gaps}"


def _beside(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"reference_of_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

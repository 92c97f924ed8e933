"""``docs/reference/vector-backends.md``: what the conformance suite says of each vector index of the tree.

A case of the suite passes in the tests, or its test class says that it does not apply, and why; so what the classes
say is the result. They also say which cases belong to every run.
"""

from __future__ import annotations

from dinrail_sdk.testing import VectorIndexSuite
from dinrail_sdk.testing.suite import cases_of
from tools.reference.suites import suites_of
from tools.reference.tree import Tree

__all__ = ["vector_backends_page"]

_INTRODUCTION = """\
# Vector backends

Each is held to the same suite ({count} cases): exact against brute force, what filters mean, updates, deletes,
restarts, killed processes, two processes, hostile values, ten thousand vectors. The tests of a backend fail where a
case does, unless its test class says beforehand that it does not apply, and why. This is what they say.

*Recall* is the share of the nearest ten among ten thousand random vectors that must be found; 1 means that every vector
is looked at. *In every run* says how many of the cases held are tried by each `make test`; where those are not all,
the suite takes long there, and the others run with `-m soak`.

| backend | tested against | cases held | in every run | recall | does not hold |
|---|---|---|---|---|---|
"""


def vector_backends_page(tree: Tree) -> str:
    """A row for each test class that derives from the suite."""
    cases = list(cases_of(VectorIndexSuite))
    rows = [_row(suite) for suite in suites_of(tree.root, VectorIndexSuite)]
    return _INTRODUCTION.format(count=len(cases)) + "\n".join(rows)


def _row(suite: type[VectorIndexSuite]) -> str:
    held = [case for case in cases_of(suite) if suite.skipped(case) is None]
    often = [case for case in held if suite.every_run is None or case.name in suite.every_run]
    total = len(list(cases_of(suite)))
    gaps = "; ".join(f"`{name}`: {reason}" for name, reason in suite.unsupported.items()) or "-"
    recall = "1" if suite.recall == 1.0 else f"at least {suite.recall:g}"
    name = suite.provider.name
    return (
        f"| [`{name}`](../../plugins/{name}/README.md) | {suite.against} | {len(held)} of {total} | {len(often)} "
        f"| {recall} | {gaps} |"
    )

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable

import pluggy
import pytest

from dinrail_core import hooks
from dinrail_core.hooks import markers, specs

HOOKS: list[Callable[[], object]] = [getattr(specs, name) for name in specs.__all__]


def example(hook: Callable[[], object]) -> str:
    docstring = inspect.getdoc(hook)
    assert docstring is not None
    _, found, code = docstring.partition("Example::\n")
    assert found
    return textwrap.dedent(code)


def test_every_function_marked_as_a_specification_is_public_and_the_other_way_round() -> None:
    marked = {name for name, value in vars(specs).items() if hasattr(value, f"{markers.PROJECT}_spec")}
    assert marked == set(specs.__all__)


def test_pluggy_takes_the_specifications() -> None:
    manager = pluggy.PluginManager(markers.PROJECT)
    manager.add_hookspecs(specs)
    assert {name for name in vars(manager.hook) if name.startswith("dinrail_")} == set(specs.__all__)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_a_specification_says_when_it_is_called_and_what_it_returns(hook: Callable[[], object]) -> None:
    docstring = inspect.getdoc(hook)
    assert docstring is not None
    assert re.search(r"^Called ", docstring, re.MULTILINE)
    assert "\nReturns:\n" in docstring


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_the_example_of_a_specification_implements_it_with_its_real_signature(hook: Callable[[], object]) -> None:
    functions = [node for node in ast.walk(ast.parse(example(hook))) if isinstance(node, ast.FunctionDef)]
    (implementation,) = [node for node in functions if node.name == hook.__name__]
    assert [ast.unparse(decorator) for decorator in implementation.decorator_list] == ["hookimpl"]
    assert [argument.arg for argument in implementation.args.args] == list(inspect.signature(hook).parameters)
    assert implementation.returns is not None
    assert ast.unparse(implementation.returns) == hook.__annotations__["return"]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_the_record_of_an_example_has_only_fields_that_there_are(hook: Callable[[], object]) -> None:
    for record in hook.__annotations__["return"].removeprefix("Iterable[").removesuffix("]").split(" | "):
        fields = set(inspect.signature(getattr(hooks, record)).parameters)
        calls = [
            node
            for node in ast.walk(ast.parse(example(hook)))
            if isinstance(node, ast.Call) and ast.unparse(node.func) == record
        ]
        assert calls
        for call in calls:
            assert {keyword.arg for keyword in call.keywords} <= fields


@pytest.mark.parametrize(
    "hook", [hook for hook in HOOKS if hook.__name__ != "dinrail_providers"], ids=lambda hook: hook.__name__
)
def test_a_hook_that_widens_the_server_says_what_the_metadata_must_list(hook: Callable[[], object]) -> None:
    docstring = " ".join((inspect.getdoc(hook) or "").split())
    extends = hook.__name__.removeprefix("dinrail_")
    assert f"must list ``{extends}`` in the entry-point group ``{markers.EXTENDS}``" in docstring

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from dinrail_core import hooks
from dinrail_core.hooks import Context, Rail, Reply, Target

RECORDS: list[type] = [
    value
    for name in hooks.__all__
    if dataclasses.is_dataclass(value := getattr(hooks, name)) and isinstance(value, type)
]


def test_all_records_are_looked_at() -> None:
    assert {"ProviderType", "ServiceType", "Section", "Command", "Route", "Context", "Reply", "Target"} <= {
        record.__name__ for record in RECORDS
    }


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_a_record_is_frozen_and_takes_no_other_attribute(record: Any) -> None:
    instance = object.__new__(record)
    for field in dataclasses.fields(record):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(instance, field.name, "other")
    assert not hasattr(instance, "__dict__")


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_every_field_of_a_record_is_documented(record: type) -> None:
    (definition,) = ast.parse(inspect.getsource(record)).body
    assert isinstance(definition, ast.ClassDef)
    # Beside the class's docstring, a string right below a field documents it.
    below = {
        first.target.id
        for first, second in pairwise(definition.body)
        if isinstance(first, ast.AnnAssign) and isinstance(first.target, ast.Name) and isinstance(second, ast.Expr)
    }
    above = set(re.findall(r"^    (\w+): \S", inspect.getdoc(record) or "", re.MULTILINE))
    assert {field.name for field in dataclasses.fields(record)} == above | below


def test_a_folder_is_made_when_it_is_first_asked_for_and_for_this_user_alone(tmp_path: Path) -> None:
    context = Context(name="gpu0", data_dir=tmp_path / "providers" / "gpu0", rail=cast("Rail", None))
    assert not context.data_dir.exists()
    assert context.folder() == context.data_dir
    assert context.data_dir.stat().st_mode & 0o777 == 0o700
    (context.data_dir / "kept").write_text("")
    assert context.folder() == context.data_dir
    assert (context.data_dir / "kept").exists()


def test_a_reply_is_good_and_json_unless_it_says_otherwise() -> None:
    reply = Reply()
    assert (reply.body, reply.status, reply.content_type, dict(reply.headers)) == (b"", 200, "application/json", {})


def test_a_target_holds_the_provider_as_the_contract_that_was_asked_for() -> None:
    target = Target("provider", "m", "gpu0")
    assert (target.provider, target.model, target.instance) == ("provider", "m", "gpu0")

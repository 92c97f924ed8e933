"""The rules of the house hold. Each of them is seen to fail in ``test_rules_can_fail.py``."""

from __future__ import annotations

import import_rules
import metadata_rules
import pytest
import shape_rules
from house import ROOT, House
from rules import RULES, Rule

HOUSE = House.of(ROOT)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_the_rule(rule: Rule) -> None:
    broken = list(rule(HOUSE))
    assert not broken, "\n".join([rule.__doc__ or "", *broken])


def test_the_rules_look_at_the_real_house() -> None:
    """A rule that looks at nothing would hold."""
    packages = {distribution.package for distribution in HOUSE.distributions}
    assert {"dinrail_core", "dinrail_sdk", "dinrail_server"} <= packages
    assert len(HOUSE.modules) > 100
    assert {import_rules.LAYERS.index(layer) for layer in import_rules.OPEN_TO_PLUGINS} == {0, 1, 2}
    assert {f"{distribution.folder}" for distribution in HOUSE.distributions} >= import_rules.HOST_USERS


def test_no_exception_outlives_its_cause() -> None:
    for name in shape_rules.LONGER:
        path, _, function = name.partition("::")
        assert path in HOUSE.files
        assert not function or f"def {function}(" in HOUSE.text(path)
    for pattern in metadata_rules.MAY_NAME_PLUGINS:
        assert HOUSE.matching(pattern), pattern
    for name, folder in metadata_rules.MAY_NAME_ONE_PLUGIN:
        mention = metadata_rules.mentions(folder.rpartition("/")[2])
        assert mention.search(HOUSE.text(name)), name

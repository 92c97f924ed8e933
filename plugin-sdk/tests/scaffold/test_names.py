from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dinrail_sdk.scaffold.names import ScaffoldError, name_plugin


def test_all_names_follow_from_one() -> None:
    names = name_plugin("acme-cloud2")
    assert (names.plugin, names.distribution, names.package) == (
        "acme-cloud2",
        "dinrail-acme-cloud2",
        "dinrail_acme_cloud2",
    )
    assert (names.cls, names.constant, names.variable) == ("AcmeCloud2", "ACME_CLOUD2", "ACME_CLOUD2_API_KEY")


def test_the_prefix_may_be_given_or_not() -> None:
    assert name_plugin("dinrail-acme") == name_plugin("acme")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Acme", "'acme' could"),
        ("acme_cloud", "'acme-cloud' could"),
        ("acme..cloud", "'acme-cloud' could"),
        ("-acme", "'acme' could"),
        ("acme/../../etc", "'acme-etc' could"),
        ("2acme", "'acme' could"),
        ("", "name:"),
        ("dinrail-", "cannot be"),
        ("…", "name:"),
        ("a" * 51, "at most 50"),
    ],
)
def test_a_bad_name_is_refused_with_one_that_would_do(name: str, hint: str) -> None:
    with pytest.raises(ScaffoldError, match=re.escape(hint)):
        name_plugin(name)


def test_the_name_of_what_is_installed_is_refused() -> None:
    with pytest.raises(ScaffoldError, match="dinrail-core is installed already"):
        name_plugin("core")


@given(st.text(max_size=60))
def test_a_name_is_refused_or_safe_everywhere(name: str) -> None:
    try:
        names = name_plugin(name)
    except ScaffoldError:
        return
    assert re.fullmatch(r"[a-z0-9-]+", names.distribution)
    assert names.package.isidentifier()
    assert names.cls.isidentifier()
    assert names.constant.isidentifier()

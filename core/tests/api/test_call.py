from __future__ import annotations

import time

import pytest
from pydantic import SecretStr

from dinrail_core.api.call import LOCAL, Call, Principal


def test_a_call_without_a_deadline_may_take_for_ever() -> None:
    assert Call().remaining() is None


def test_what_remains_of_a_call_shrinks_until_its_deadline() -> None:
    now = time.time()

    remaining = Call(deadline=now + 60).remaining()

    assert remaining is not None
    assert 0 < remaining <= 60


def test_nothing_remains_of_a_call_whose_deadline_has_passed() -> None:
    assert Call(deadline=time.time() - 60).remaining() == 0.0


def test_a_call_is_the_local_users_unless_it_says_otherwise() -> None:
    assert Call().principal is LOCAL
    assert Call(principal=Principal(tenant="t", roles=frozenset({"r"}))).principal.user is None


def test_a_call_does_not_show_its_key() -> None:
    assert "hunter2" not in repr(Call(upstream_key=SecretStr("hunter2")))


def test_a_call_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Call().deadline = 7.0  # type: ignore[misc]  # what the test is about

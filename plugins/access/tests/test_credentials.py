"""The form of API keys."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dinrail_access.credentials import bearer, digest, is_key, is_sound, new_key, redacted
from dinrail_core.errors import Unauthenticated

KEY = new_key()
LETTERS = st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def test_a_key_is_known_by_its_looks_and_unlike_any_other() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert re.fullmatch(r"dr_[0-9A-Za-z]{49}", key)
        assert is_key(key)
        assert is_sound(key)


@given(st.integers(3, len(KEY) - 1), LETTERS)
def test_one_wrong_character_is_noticed(place: int, letter: str) -> None:
    assume(KEY[place] != letter)
    assert not is_sound(KEY[:place] + letter + KEY[place + 1 :])


@given(st.integers(3, len(KEY) - 2))
def test_two_characters_in_the_wrong_order_are_noticed(place: int) -> None:
    assume(KEY[place] != KEY[place + 1])
    assert not is_sound(KEY[:place] + KEY[place + 1] + KEY[place] + KEY[place + 2 :])


@given(st.text(max_size=80))
def test_anything_can_be_asked_about(text: str) -> None:
    assert not is_sound(text)
    assert not is_sound(KEY + text) or not text
    assert len(digest(text)) == 64


def test_what_is_kept_is_a_hash() -> None:
    assert digest(KEY) == hashlib.sha256(KEY.encode()).hexdigest()


def test_a_key_is_shown_by_its_ends_alone() -> None:
    shown = redacted(KEY)
    assert KEY.startswith(shown.partition("…")[0])
    assert KEY.endswith(shown.partition("…")[2])
    assert len(shown) == 12


def test_a_credential_is_taken_out_of_the_header() -> None:
    for given_header in ("Bearer abc", "bearer abc", "BEARER  abc ", "Bearer abc  "):
        assert bearer({"Authorization": given_header}) == "abc"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "abc", "Bearerabc"])
def test_a_header_without_one_is_told_how_to_send_it(header: str | None) -> None:
    with pytest.raises(Unauthenticated, match="Authorization: Bearer KEY") as refusal:
        bearer({} if header is None else {"Authorization": header})
    assert refusal.value.code == "missing_api_key"


def test_clients_of_anthropics_dialect_show_their_key_in_another_header() -> None:
    assert bearer({"x-api-key": " abc "}) == "abc"
    assert bearer({"x-api-key": "abc", "Authorization": "Bearer def"}) == "def"
    with pytest.raises(Unauthenticated):
        bearer({"x-api-key": " "})

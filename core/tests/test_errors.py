"""Errors."""

from __future__ import annotations

import pytest

from dinrail_core.errors import LONGEST_MESSAGE, DinrailError, NotFound, RateLimited, RequestError


@pytest.mark.parametrize("kind", [RequestError, NotFound, RateLimited])
def test_what_a_message_repeats_of_a_request_is_cut_out_of_its_middle(kind: type[RequestError]) -> None:
    error = kind(f"There is no file '{'a' * 100_000}'.", param="b" * 100_000)
    assert error.message.startswith("There is no file 'aaa")
    assert error.message.endswith("aaa'.")
    assert error.message.count("…") == 1
    assert error.param is not None
    assert max(len(str(error)), len(error.message), len(error.param)) <= LONGEST_MESSAGE


def test_what_fits_and_what_is_not_the_callers_stays() -> None:
    text = "a" * LONGEST_MESSAGE
    assert RequestError(text, param=text).message == text
    assert RequestError(text, param=text).param == text
    assert RequestError(text).param is None
    assert DinrailError(text + text).message == text + text

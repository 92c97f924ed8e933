from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dinrail_core.api.answers import Answer
from dinrail_core.api.wire import Wire
from dinrail_core.errors import UpstreamInvalid
from dinrail_sdk.translation import translated


class Said(Wire):
    said: Any


def answered(body: bytes) -> Answer[Said]:
    return Answer(Said, body=body, headers={"x": "y"})


def test_an_answer_becomes_another_with_its_headers() -> None:
    found = translated(answered(b'{"text":"a"}'), Said, lambda answer: {"said": answer["text"]})
    assert (found.value.said, found.headers) == ("a", {"x": "y"})


@pytest.mark.parametrize(
    ("body", "translate"),
    [
        (b"{", dict),
        (b"[]", lambda answer: {"said": answer["text"]}),
        (b"{}", lambda answer: {"said": answer["text"]}),
        (b'{"n":1e300}', lambda answer: {"said": int(answer["n"])}),
        (b'{"n":18446744073709551615}', lambda answer: {"said": answer["n"] + 1}),
        (b'{"n":1e300}', lambda answer: {"said": answer["n"] ** 2}),
        (b'{"n":"a"}', lambda answer: {"said": {answer["n"]}}),
    ],
)
def test_an_answer_that_is_none_is_the_upstreams_fault(body: bytes, translate: Callable[[Any], Any]) -> None:
    with pytest.raises(UpstreamInvalid):
        translated(answered(body), Said, translate)

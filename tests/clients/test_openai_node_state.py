"""OpenAI's package for JavaScript, on Node, against what the server keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from dinrail_sdk.testing import Spoken

if TYPE_CHECKING:
    from conftest import Scripted, Server

pytestmark = pytest.mark.xdist_group("clients")

Run = Callable[..., Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, server: Server) -> Server:
    """One over each database."""
    if request.param == "sqlite":
        return server
    other: Server = request.getfixturevalue("server_on_postgresql")
    return other


def test_files_come_and_go_whole_and_in_parts(run: Run) -> None:
    came = run("files")
    assert came.pop("gone")["class"] == "NotFoundError"
    assert came == {"same": True, "name": "a 'b' é.txt", "bytes": 18, "uploaded": "1234567890", "deleted": True}


def test_conversations_are_begun_continued_listed_and_deleted(run: Run) -> None:
    came = run("conversations")
    assert came.pop("gone")["class"] == "NotFoundError"
    assert came == {
        "texts": ["one", "two"],
        "asked": "https://example.org/a.png",
        "plain": None,
        "topics": ["demo", "new"],
        "left": True,
        "deleted": ["conversation.deleted", True],
    }


def test_completions_are_stored_where_that_is_asked_for(run: Run, upstream: Scripted) -> None:
    upstream.says(Spoken.of("Cold, with snow."))
    came = run("storedCompletions")
    assert (came.pop("gone")["class"], came.pop("never")["class"]) == ("NotFoundError", "NotFoundError")
    assert came == {
        "ids": True,
        "texts": ["Cold, with snow."] * 2,
        "topics": ["demo", "new"],
        "asked": ["How is the weather in Oslo?"],
        "deleted": ["chat.completion.deleted", True],
    }

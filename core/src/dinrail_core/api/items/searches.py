"""Searches that the server does for the model: over files and over the web."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from dinrail_core.api.items.states import GivenId, Url, known_or_not
from dinrail_core.api.open_enum import OpenEnum, Unlisted
from dinrail_core.api.wire import MISSING, Many, Wire

__all__ = [
    "Attributes",
    "FileSearchCall",
    "FileSearchCallParam",
    "FileSearchResult",
    "FindInPage",
    "OpenPage",
    "UnknownAction",
    "UnknownSource",
    "WebAction",
    "WebSearch",
    "WebSearchCall",
    "WebSearchCallParam",
    "WebSource",
]

Attributes: TypeAlias = dict[str, Annotated[str, Field(max_length=512)] | float | bool]
"""What a vector store knows of a file beside its text."""


class FileSearchResult(Wire):
    """A piece of a file that was found."""

    file_id: str | MISSING = MISSING
    filename: str | MISSING = MISSING
    score: float | MISSING = MISSING
    """0 to 1."""
    text: str | MISSING = MISSING
    attributes: Attributes | None | MISSING = MISSING


class FileSearchCallParam(Wire):
    """A search over files, given back as part of the history."""

    type: Literal["file_search_call"] = "file_search_call"
    id: GivenId = MISSING
    status: Literal["in_progress", "searching", "completed", "incomplete", "failed"]
    queries: Many[str]
    results: Many[FileSearchResult] | None | MISSING = MISSING


class FileSearchCall(Wire):
    """A search over files."""

    type: Literal["file_search_call"] = "file_search_call"
    id: str
    status: Annotated[str, OpenEnum("in_progress", "searching", "completed", "incomplete", "failed")]
    queries: list[str]
    results: list[FileSearchResult] | None | MISSING = MISSING


class WebSource(Wire):
    """A web page that was looked at."""

    type: Literal["url"] = "url"
    url: Url


class UnknownSource(Wire):
    """A source of a kind that the specification does not have, such as weather; it is handed on as it is."""

    type: str


def _kind_of_source(value: Any) -> str:
    return known_or_not(value, ("url",))


GivenWebSource: TypeAlias = Annotated[
    Annotated[WebSource, Tag("known")] | Annotated[UnknownSource, Unlisted(), Tag("unknown")],
    Discriminator(_kind_of_source),
]


class WebSearch(Wire):
    """A query to a search engine."""

    type: Literal["search"] = "search"
    query: str | MISSING = MISSING
    """Deprecated; ``queries`` took its place."""
    queries: Many[str] | MISSING = MISSING
    sources: Many[GivenWebSource] | MISSING = MISSING


class OpenPage(Wire):
    """A page that was opened."""

    type: Literal["open_page"] = "open_page"
    url: Url | None | MISSING = MISSING


class FindInPage(Wire):
    """A text that was looked for in a page."""

    type: Literal["find_in_page"] = "find_in_page"
    url: Url
    pattern: str


class UnknownAction(Wire):
    """An action of a kind that the specification does not have; it is handed on as it is."""

    type: str


def _kind_of_action(value: Any) -> str:
    return known_or_not(value, ("search", "open_page", "find_in_page"))


GivenWebAction: TypeAlias = Annotated[WebSearch | OpenPage | FindInPage, Field(discriminator="type")]

WebAction: TypeAlias = Annotated[
    Annotated[GivenWebAction, Tag("known")] | Annotated[UnknownAction, Unlisted(), Tag("unknown")],
    Discriminator(_kind_of_action),
]
"""What was done on the web."""


class WebSearchCallParam(Wire):
    """A search over the web, given back as part of the history."""

    type: Literal["web_search_call"] = "web_search_call"
    id: GivenId = MISSING
    status: Literal["in_progress", "searching", "completed", "failed"]
    action: GivenWebAction


class WebSearchCall(Wire):
    """A search over the web."""

    type: Literal["web_search_call"] = "web_search_call"
    id: str
    status: Annotated[str, OpenEnum("in_progress", "searching", "completed", "failed")]
    action: WebAction

"""Searching the web for a model: the contract of search engines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

from dinrail_core.api.call import Call

__all__ = ["SearchContext", "SearchLocation", "WebPage", "WebQuery", "WebSearcher", "in_domains"]

SearchContext: TypeAlias = Literal["low", "medium", "high"]
"""How much of the pages the model is to be shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchLocation:
    """Roughly where the user is, as far as the request tells.

    Attributes:
        country: ISO 3166-1, two letters, upper case.
        region: As people call it.
        city: As people call it.
        timezone: IANA name.
    """

    country: str | None = None
    region: str | None = None
    city: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebQuery:
    """One search.

    Attributes:
        query: What is searched for, as the model wrote it.
        count: How many pages at most, 1 to 20.
        domains: Only pages of these domains and of those below them; anywhere where there are none. Lower case.
        location: Where the user is; engines that cannot use it leave it out.
        context: How much text of each page is wanted; an engine gives what it has.
    """

    query: str
    count: int = 5
    domains: tuple[str, ...] = ()
    location: SearchLocation | None = None
    context: SearchContext = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPage:
    """A page that was found.

    Attributes:
        url: Its address, ``http`` or ``https``.
        title: Plain text; the URL where the engine knows none.
        text: What of the page speaks to the query, plain text without markup; may be empty.
        published: When, as the engine says it.
    """

    url: str
    title: str
    text: str
    published: str | None = None


class WebSearcher(ABC):
    """A search engine.

    Attributes:
        offline: It finds pages without asking anybody outside: what a request may use that wants no access to the web.
    """

    offline: bool = False

    @abstractmethod
    async def search(self, query: WebQuery, call: Call) -> Sequence[WebPage]:
        """Pages, the best first: at most ``count``, each once, none outside ``domains``.

        None is an answer, and no error.

        Raises:
            RequestError: The caller can mend it.
            UpstreamError: The engine failed.
        """


def in_domains(url: str, domains: Sequence[str]) -> bool:
    """Whether a page is of one of the domains or of one below; of any, where there are none.

    Args:
        url: The page's address.
        domains: Lower case; ``example.org`` means ``www.example.org`` too, and not ``badexample.org``.
    """
    if not domains:
        return True
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)

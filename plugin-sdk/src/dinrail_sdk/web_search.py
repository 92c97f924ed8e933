"""What providers of web search have in common: queries for engines that know only words, and pages as is promised.

Pure; importing it is cheap.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from dinrail_core.api.web_search import WebPage, WebQuery, in_domains

__all__ = ["LONGEST", "plain", "sound", "with_sites"]

LONGEST = {"low": 1_000, "medium": 3_000, "high": 10_000}
"""Characters of a page's text, by how much of it is wanted."""
_LONGEST_TITLE = 500
_LONGEST_URL = 8_192
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_SPACE = re.compile(r"[ \t\r\f\v\u00a0]+")
_PRIVATE = re.compile(r"[\ue000-\uf8ff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Characters without a meaning; engines mark what was found with them."""


def plain(text: str) -> str:
    """A text without an engine's markup: tags, entities, marks and runs of blanks."""
    return _SPACE.sub(" ", _PRIVATE.sub("", html.unescape(_TAG.sub("", text)))).strip()


def sound(pages: Iterable[WebPage], query: WebQuery) -> list[WebPage]:
    """Pages as :meth:`WebSearcher.search` promises them, out of what an engine has found.

    Only ``http`` and ``https`` and only within the domains; each address once; plain text of a length that fits; at
    most as many as were asked for. The engine's order stays.
    """
    found: dict[str, WebPage] = {}
    for page in pages:
        url = page.url.strip()
        if len(found) == query.count:
            break
        if url in found or not _is_address(url) or not in_domains(url, query.domains):
            continue
        title = plain(page.title)[:_LONGEST_TITLE] or url
        found[url] = WebPage(
            url=url, title=title, text=plain(page.text)[: LONGEST[query.context]], published=page.published
        )
    return list(found.values())


def with_sites(query: WebQuery) -> str:
    """The query's words with its domains as ``site:`` operators, which most engines understand."""
    if not query.domains:
        return query.query
    sites = " OR ".join(f"site:{domain}" for domain in query.domains)
    return f"{query.query} ({sites})" if len(query.domains) > 1 else f"{query.query} {sites}"


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(url) <= _LONGEST_URL

"""Real documents, broken ones, and bombs, read by MarkItDown in its process."""

from __future__ import annotations

from dinrail_markitdown.parser import Parser
from dinrail_markitdown.plugin import MarkItDownConfig
from dinrail_sdk.testing.documents import LibraryParserCases


class TestMarkItDown(LibraryParserCases):
    parser = Parser
    config = MarkItDownConfig

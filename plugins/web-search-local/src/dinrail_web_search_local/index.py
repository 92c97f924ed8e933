"""The index: passages of pages in SQLite's full-text search (FTS5)."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from dinrail_core.api.web_search import WebPage, in_domains
from dinrail_web_search_local.pages import KINDS, passages, read_pages

__all__ = ["Index", "words_of"]

_TABLES = """
CREATE TABLE IF NOT EXISTS file (path TEXT PRIMARY KEY, stamp TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS page (id INTEGER PRIMARY KEY, path TEXT NOT NULL, url TEXT NOT NULL, title TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS page_by_path ON page (path);
CREATE VIRTUAL TABLE IF NOT EXISTS passage USING fts5 (
    title, text, page UNINDEXED, tokenize = "unicode61 remove_diacritics 2"
);
"""
_FIND = """
SELECT page.url, page.title, passage.text
FROM passage JOIN page ON page.id = passage.page
WHERE passage MATCH ? ORDER BY bm25(passage, 4.0, 1.0), passage.rowid
"""
_VERSION = 1
_MOST_WORDS = 32
_ROWS = 5_000
"""Passages that are looked at for one search, at most."""
_AT_ONCE = 50
"""Files in one transaction."""


class Index:
    """Pages of a folder; every method blocks, and belongs into a thread.

    Args:
        file: Where the index is kept.
        folder: The pages.
        base_url: Where the folder is to be found on the web.
    """

    def __init__(self, file: Path, folder: Path, base_url: str) -> None:
        self._file = file
        self._folder = folder
        self._base_url = base_url

    def refresh(self, *, largest: int, most: int, stopped: Callable[[], bool]) -> None:
        """Take in what is new or changed, and take out what is gone.

        Args:
            largest: Bytes of the largest file that is taken.
            most: How many pages there may be.
            stopped: Asked now and then whether to leave off.

        Raises:
            OSError: The folder cannot be read.
            sqlite3.Error: The index cannot be written.
        """
        with self._open() as db:
            self._prepare(db)
            there = dict(self._files(largest))
            known = dict(db.execute("SELECT path, stamp FROM file").fetchall())
            gone = [path for path in known if path not in there]
            changed = [path for path, stamp in sorted(there.items()) if known.get(path) != stamp]
            for start in range(0, len(gone), _AT_ONCE):
                with self._writing(db):
                    for path in gone[start : start + _AT_ONCE]:
                        self._remove(db, path)
            for start in range(0, len(changed), _AT_ONCE):
                if stopped():
                    return
                with self._writing(db):
                    for path in changed[start : start + _AT_ONCE]:
                        self._take_in(db, path, there[path], most)

    def search(
        self, words: Sequence[str], *, count: int, domains: Sequence[str], longest: int, late: Callable[[], bool]
    ) -> list[WebPage]:
        """The pages that speak best to some words, each with the passages that do.

        Args:
            words: What is looked for; a page need not have all of them.
            count: How many pages at most.
            domains: As for :class:`WebQuery`.
            longest: Characters of a page's text.
            late: Asked now and then whether to give up.

        Raises:
            sqlite3.Error: The index cannot be read, or it is too late.
        """
        found: dict[str, WebPage] = {}
        wanted = [word for word in dict.fromkeys(words) if word][:_MOST_WORDS]
        if not wanted:
            return []
        match = " OR ".join(f'"{word}"' for word in wanted)
        with self._open() as db:
            db.set_progress_handler(late, 10_000)
            for number, (url, title, text) in enumerate(db.execute(_FIND, (match,))):
                if number >= _ROWS:
                    break
                known = found.get(url)
                if known is not None and len(known.text) < longest:
                    found[url] = WebPage(url=url, title=title, text=f"{known.text}\n\n{text}"[:longest])
                elif known is None and len(found) < count and in_domains(url, domains):
                    found[url] = WebPage(url=url, title=title, text=text[:longest])
        return list(found.values())

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=30.0, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")  # what a power cut takes is taken in again
            yield db

    @contextmanager
    def _writing(self, db: sqlite3.Connection) -> Iterator[None]:
        db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")

    def _prepare(self, db: sqlite3.Connection) -> None:
        """Make the tables; those that an older version made, or for another address, are made anew."""
        with self._writing(db):
            (version,) = db.execute("PRAGMA user_version").fetchone()
            db.execute("CREATE TABLE IF NOT EXISTS about (base_url TEXT NOT NULL)")
            about = db.execute("SELECT base_url FROM about").fetchone()
            if version != _VERSION or about != (self._base_url,):
                for table in ("passage", "page", "file"):
                    db.execute(f"DROP TABLE IF EXISTS {table}")
                db.execute("DELETE FROM about")
                db.execute("INSERT INTO about VALUES (?)", (self._base_url,))
                db.execute(f"PRAGMA user_version = {_VERSION}")
            for statement in _TABLES.split(";"):
                db.execute(statement)

    def _files(self, largest: int) -> Iterator[tuple[str, str]]:
        """Each page's place in the folder, and what changes with its content. Links are not followed."""
        for place, folders, names in os.walk(self._folder, onerror=_raise):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in names:
                file = Path(place, name)
                if file.suffix.lower() not in KINDS or name.startswith(".") or file.is_symlink():
                    continue
                about = file.stat()
                if about.st_size <= largest:
                    yield file.relative_to(self._folder).as_posix(), f"{about.st_mtime_ns}-{about.st_size}"

    def _take_in(self, db: sqlite3.Connection, path: str, stamp: str, most: int) -> None:
        self._remove(db, path)
        try:
            pages = list(read_pages(self._folder / path, path, self._base_url))
        except OSError:
            return  # it is gone, or may not be read; the next look tells
        (there,) = db.execute("SELECT count(*) FROM page").fetchone()
        for page in pages[: max(0, most - there)]:
            cursor = db.execute("INSERT INTO page (path, url, title) VALUES (?, ?, ?)", (path, page.url, page.title))
            rows = [(page.title, text, cursor.lastrowid) for text in passages(page.text)]
            db.executemany("INSERT INTO passage (title, text, page) VALUES (?, ?, ?)", rows)
        db.execute("INSERT INTO file VALUES (?, ?)", (path, stamp))

    def _remove(self, db: sqlite3.Connection, path: str) -> None:
        ids = [row[0] for row in db.execute("SELECT id FROM page WHERE path = ?", (path,))]
        for page in ids:
            # The column is not indexed, so rows are found by the whole table; pages change rarely.
            db.execute("DELETE FROM passage WHERE page = ?", (page,))
        db.execute("DELETE FROM page WHERE path = ?", (path,))
        db.execute("DELETE FROM file WHERE path = ?", (path,))


def words_of(query: str) -> list[str]:
    """The words of a query; operators and punctuation are none."""
    return re.findall(r"\w+", re.sub(r"\b(?:site|intitle|inurl):\S+", " ", query))


def _raise(error: OSError) -> None:
    raise error

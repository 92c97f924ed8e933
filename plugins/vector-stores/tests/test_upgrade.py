"""Stores that an older version has filled are searched by the newest."""

from __future__ import annotations

import re
from typing import Any

from shop import ANN, Shop, open_shop
from sqlalchemy import Connection, text

from dinrail_sdk.sql.contract import Database

TABLE = "vector_store_chunks"
INDEX = f"{TABLE}_words"
OLDER = f"""
DROP TABLE {TABLE}_terms;
DROP TRIGGER {INDEX}_insert;
DROP TRIGGER {INDEX}_delete;
DROP TABLE {INDEX};
DROP INDEX ix_{TABLE}_lengths;
CREATE VIRTUAL TABLE {INDEX} USING fts5(store_id, words, content='{TABLE}', content_rowid='key',
  tokenize="unicode61 remove_diacritics 0 tokenchars '_-'");
INSERT INTO {INDEX}({INDEX}) VALUES ('rebuild');
CREATE TRIGGER {INDEX}_insert AFTER INSERT ON {TABLE} BEGIN
  INSERT INTO {INDEX}(rowid, store_id, words) VALUES (new.key, new.store_id, new.words); END;
CREATE TRIGGER {INDEX}_delete AFTER DELETE ON {TABLE} BEGIN
  INSERT INTO {INDEX}({INDEX}, rowid, store_id, words)
  VALUES ('delete', old.key, old.store_id, old.words); END
"""
"""What stood in the place of SQLite's index at revision 0004."""


def age(connection: Connection) -> None:
    for statement in re.split(r";\n(?!  )", OLDER) if connection.dialect.name == "sqlite" else ():
        connection.execute(text(statement))
    connection.execute(text("UPDATE schema_version_vector_stores SET version_num = 'vector_stores_0004'"))


async def test_chunks_of_before_are_found_by_their_words(config: dict[str, Any]) -> None:
    async with open_shop(config) as shop:
        store_id = await shop.store("The heron stands in the reeds.", "The otter swims.")
        await (await shop.rail.service(Database)).sweep(age)
    async with open_shop(config, ANN) as shop:
        assert await by_words(shop, store_id, "herons") == ["0.txt"]
        file_id = await shop.add(store_id, "A heron again.", "more.txt")
        assert sorted(await by_words(shop, store_id, "heron")) == ["0.txt", "more.txt"]
        await shop.stores.delete_file(store_id, file_id, shop.call)
        assert await by_words(shop, store_id, "heron") == ["0.txt"]


async def by_words(shop: Shop, store_id: str, query: str) -> list[str]:
    return await shop.names(store_id, query, search_mode="keyword")

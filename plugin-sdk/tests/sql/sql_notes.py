"""Tables, owners and stores of these tests."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import JSON, Column, Connection, Engine, Integer, MetaData, String, Table, Text
from sqlalchemy.ext.asyncio import AsyncEngine

from dinrail_core.api.call import Principal
from dinrail_sdk.sql.scope import Scope
from dinrail_sdk.sql.tables import owned_table
from dinrail_sdk.sql.units import Owned

T = TypeVar("T")

METADATA = MetaData()
NOTES = owned_table(
    "notes",
    METADATA,
    Column("text", Text, nullable=False, default=""),
    Column("size", Integer),
    Column("tags", JSON),
    Column("slug", String(80), unique=True),
    Column("bytes", Integer, nullable=False, server_default="0"),
    counted=True,
)
OTHERS = owned_table("others", METADATA, Column("note", String(80)), Column("bytes", Integer))
PLAIN = Table(
    "plain", METADATA, Column("id", String(80), primary_key=True), Column("tenant", String), Column("owner", String)
)

ANN = Principal("acme", "ann")
BOB = Principal("acme", "bob")
EVE = Principal("evil", "ann")
TEAM = Principal("acme")
EVERYBODY = (ANN, BOB, EVE, TEAM)


class Store(ABC):
    """Does units of work one after the other."""

    def do(self, principal: Principal, work: Callable[[Owned], T]) -> T:
        """Do it in a transaction of its own."""
        return self.raw(lambda connection: Owned(connection, Scope(principal)).do(work))

    def clear(self) -> None:
        """Empty all tables."""
        self.raw(lambda connection: [connection.execute(table.delete()) for table in METADATA.sorted_tables])

    @abstractmethod
    def raw(self, work: Callable[[Connection], T]) -> T:
        """Do it without an owner."""


class SQLiteStore(Store):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def raw(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)


class PostgreSQLStore(Store):
    def __init__(self, engine: AsyncEngine, runner: asyncio.Runner) -> None:
        self._engine = engine
        self._runner = runner

    def raw(self, work: Callable[[Connection], T]) -> T:
        async def run() -> T:
            async with self._engine.begin() as connection:
                return await connection.run_sync(work)

        return self._runner.run(run())

"""The rows of stored completions."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, MetaData, Text

from dinrail_sdk.sql.tables import owned_table

__all__ = ["COMPLETIONS", "INPUTS"]

_METADATA = MetaData()

COMPLETIONS = owned_table(
    "chat_completions",
    _METADATA,
    Column("model", Text, nullable=False),
    Column("asked_model", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    counted=True,
)
"""An answer. ``body`` is its JSON text without metadata, which are in ``labels`` so that they can be looked for:
each pair as ``["key","value"]`` in JSON, with a line break before the first and after each.
"""

INPUTS = owned_table(
    "chat_completion_inputs",
    _METADATA,
    Column("messages", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    part_of="chat_completions",
    counted=True,
)
"""What was asked, under the id of the answer: the JSON text of the messages, apart from what lists read."""

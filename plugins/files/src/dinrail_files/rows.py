"""From rows of files to what is on the wire, and back."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import ColumnElement, RowMapping

from dinrail_core.api.files import OpenAIFile
from dinrail_core.api.wire import MISSING
from dinrail_core.errors import NotFound
from dinrail_files.intake import Taken
from dinrail_files.tables import FILES
from dinrail_sdk.sql.units import Owned

__all__ = ["existing", "expiry_of", "file_of", "file_row", "living", "missing_file"]

_BATCH_SECONDS = 2_592_000
"""Files for batches vanish after 30 days unless their owner says otherwise (OpenAI's ``FileExpirationAfter``)."""


def expiry_of(purpose: str, seconds: int | None) -> int | None:
    """After how many seconds a file vanishes by itself, or ``None``."""
    return _BATCH_SECONDS if seconds is None and purpose == "batch" else seconds


def file_row(file_id: str, taken: Taken, *, filename: str, purpose: str, media_type: str, seconds: int | None) -> Any:
    """A new file's row."""
    now = int(time.time())
    return {
        "id": file_id,
        "blob": taken.blob,
        "bytes": taken.size,
        "sha256": taken.sha256,
        "filename": filename,
        "purpose": purpose,
        "media_type": media_type,
        "created_at": now,
        "expires_at": None if seconds is None else now + seconds,
    }


def file_of(row: RowMapping | dict[str, Any]) -> OpenAIFile:
    """A file as it is on the wire."""
    return OpenAIFile(
        id=row["id"],
        bytes=row["bytes"],
        created_at=row["created_at"],
        expires_at=MISSING if row["expires_at"] is None else row["expires_at"],
        filename=row["filename"],
        purpose=row["purpose"],
    )


def living() -> ColumnElement[bool]:
    """The condition that a file's time is not over: it is gone at once, though its row is removed a little later."""
    return FILES.c.expires_at.is_(None) | (FILES.c.expires_at > time.time())


def existing(unit: Owned, file_id: str) -> RowMapping:
    """A file's row, while its time is not over.

    Raises:
        NotFound: There is none.
    """
    row = unit.get(FILES, file_id)
    if row is None or (row["expires_at"] is not None and row["expires_at"] <= time.time()):
        raise missing_file(file_id)
    return row


def missing_file(file_id: str) -> NotFound:
    """What a file is that does not exist, or is somebody else's."""
    return NotFound(f"There is no file '{file_id}'.", param="file_id")

"""``[services.batches]``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

__all__ = ["BatchesConfig"]


class BatchesConfig(BaseModel, extra="forbid", defer_build=True):
    """How batches are worked through."""

    concurrency: Annotated[int, Field(ge=1, le=1024)] = 4
    """Lines that one process asks at once, of all its batches together. More is faster, and other requests feel it."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    """How often a line is asked while the model's server is overloaded, cannot be reached or fails."""
    backoff: Annotated[float, Field(gt=0, le=60)] = 1.0
    """Seconds before the second attempt; each further wait is twice as long, up to a minute."""
    line_timeout: Annotated[float, Field(gt=0, le=86_400)] = 600.0
    """Seconds that a line may take."""
    max_lines: Annotated[int, Field(ge=1, le=1_000_000)] = 50_000
    """The most lines of a batch."""
    max_bytes: Annotated[int, Field(ge=1)] = 200_000_000
    """The largest file."""

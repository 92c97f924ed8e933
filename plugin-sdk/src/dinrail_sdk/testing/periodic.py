"""Doing at once what an engine of jobs does every now and then, so that tests need not wait for it."""

from __future__ import annotations

from typing import cast

from dinrail_core.api.jobs import JobRun
from dinrail_core.hooks import Rail

__all__ = ["look_now"]


async def look_now(rail: Rail, kind: str) -> bool:
    """Look whether there is anything to do for work that nobody enqueues, and do it if there is.

    Args:
        rail: What is on the rail.
        kind: The name of its kind; one that uses no steps, as a sweep.

    Returns:
        Whether there was.
    """
    (found,) = (one for one in rail.job_kinds() if one.name == kind)
    if found.wanted is not None and not await found.wanted(rail):
        return False
    await found.run(await rail.service_for(kind), cast("JobRun", None))
    return True
